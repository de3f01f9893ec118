import type { Subscription } from 'rxjs';
import type { AttachedTable } from './attached-table.ts';
import { Audit } from './audit.ts';
import { Gap } from './gap.ts';
import type { ZeekHost } from '../host.ts';
import type { ClusterMemory } from './memory.ts';
import { missedSince, ownOf } from './missed.ts';
import { obstacleOf } from './obstacle.ts';
import type { Outbound } from './outbound.ts';
import { joined, type OwnChanges } from './own-changes.ts';
import type { Teller } from './teller.ts';
import type { Transfers } from './transfers.ts';
import type { ZeekNodes } from './zeek-nodes.ts';

/** The parts are what knowing how things stand with a Zeek process needs. */
export interface StandingParts {
  readonly host: ZeekHost;
  readonly tables: ReadonlyMap<string, AttachedTable>;
  /** A Zeek node said how it stands. */
  readonly pulsed: (id: string) => void;
  /** Prefixes of topics beside those of the tables. */
  readonly topics: readonly string[];
  /** Is the pause before a loss that could not be made good is looked at again. */
  readonly pauseMs: number;
  readonly memory: ClusterMemory;
  readonly nodes: ZeekNodes;
  readonly outbound: Outbound;
  readonly teller: Teller;
  readonly transfers: Transfers;
  /** Returns whether an origin's operations come from the cluster. */
  isTheirs(origin: string): boolean;
}

/** An absence says which Zeek process ran on without this node, and since when. */
export interface Absence {
  readonly server: string;
  /** Undefined when this node was not running. */
  readonly awayMs: number | undefined;
  /** The first connection since this node started. */
  readonly isFirst: boolean;
}

/** Standing says how far a Zeek process and this node have each other's rows, and what is done when they meet. */
export class Standing {
  readonly #parts: StandingParts;
  /** Finds what is lost while both are there. */
  readonly audit: Audit;
  readonly #gap: Gap;
  /** Tables that the present Zeek process has not got whole yet. */
  readonly #unfilled = new Set<AttachedTable>();
  /** Tables that were on their way to a Zeek node when the connection broke. */
  readonly #interrupted = new Set<AttachedTable>();
  /** Tables of which nobody knows what Zeek changed while it was away. */
  readonly #unknown = new Set<AttachedTable>();
  readonly #replays: Subscription[] = [];

  constructor(parts: StandingParts) {
    this.#parts = parts;
    const { host, transfers, nodes, teller, outbound } = parts;
    this.audit = new Audit({ ...parts, agreed: (attached) => this.known(attached) });
    for (const attached of parts.tables.values()) this.audit.watch(attached);
    this.#gap = new Gap({
      host,
      transfers,
      nodes,
      teller,
      canHold: (attached, key) => outbound.canSend(attached, key),
      applied: (attached, keyText) => outbound.settle(attached, keyText),
      missed: (attached, isMissed) => (isMissed ? this.#unknown.add(attached) : this.known(attached)),
    });
  }

  /** The process has got a table whole. */
  filled(attached: AttachedTable): void {
    this.#unfilled.delete(attached);
  }

  /** Nothing that Zeek changed of a table is unknown any more. */
  known(attached: AttachedTable): void {
    this.#unknown.delete(attached);
  }

  /** Counts what of a table was missed and is not made good; 1 where the number is not known. */
  missed(attached: AttachedTable): number {
    return this.audit.missed(attached) || Number(this.#unknown.has(attached));
  }

  /** The connection broke while these tables were on their way. */
  broke(interrupted: Iterable<AttachedTable>): void {
    for (const attached of interrupted) this.#interrupted.add(attached);
  }

  /** A Zeek process that has nothing of this node's yet: it gets everything. */
  meet(isFirst: boolean): void {
    this.#gap.forget();
    this.#interrupted.clear();
    for (const attached of this.#parts.tables.values()) {
      this.#unfilled.add(attached);
      if (isFirst) void this.#publishMissed(attached);
      this.#parts.outbound.refillAll(attached, false);
    }
  }

  /** A table that Zeek had told nothing of when they met: it gets all of it. */
  join(attached: AttachedTable): void {
    this.audit.watch(attached);
    this.#unfilled.add(attached);
    this.#parts.outbound.refillAll(attached, false);
  }

  /** The same Zeek process as before: each side gets what the other one changed. */
  comeBack({ server, awayMs, isFirst }: Absence): void {
    const { tables, outbound } = this.#parts;
    const gap = Array.from(tables.values(), (attached) => ({
      attached,
      obstacle: this.#obstacle(attached, isFirst),
      own: this.#own(attached, isFirst),
    }));
    void this.#close(gap, { server, awayMs });
    for (const attached of this.#unfilled) outbound.refillAll(attached, false);
  }

  async #close(...gap: Parameters<Gap['close']>): Promise<void> {
    const waiting = [...this.#interrupted];
    await this.#gap.close(...gap);
    // Not before Zeek was asked: a whole table overwrites what Zeek has.
    if (!this.#parts.transfers.connected) return;
    for (const attached of waiting) {
      this.#interrupted.delete(attached);
      this.#parts.outbound.refillAll(attached, false);
    }
  }

  #obstacle(attached: AttachedTable, isFirst: boolean): string | undefined {
    const { name, projection } = attached;
    if (attached.isHeld) return `${name}: Zeek has it with another type.`;
    if (this.#unfilled.has(attached)) return `${name}: Zeek had not got it whole.`;
    if (isFirst && projection.store !== 'sqlite') return `${name}: its content was not kept on disk.`;
    return obstacleOf(attached, this.#parts.topics);
  }

  /** Lists what changed here while this Zeek process did not hear it. */
  async #own(attached: AttachedTable, isFirst: boolean): Promise<OwnChanges> {
    const waiting = this.#parts.outbound.own(attached);
    return isFirst ? joined(waiting, await this.#publishMissed(attached)) : waiting;
  }

  /** Publishes what was written in this group since Zeek had everything, as far as the log tells. */
  #publishMissed(attached: AttachedTable): Promise<OwnChanges> {
    const { host, memory, outbound } = this.#parts;
    const position = memory.told?.position;
    if (position === undefined || attached.projection.store !== 'sqlite') return Promise.resolve(new Map());
    return new Promise((resolve) => {
      const missed = missedSince(host, attached, {
        position,
        isTheirs: (origin) => this.#parts.isTheirs(origin),
        found: (rows) => {
          if (rows === 'all') outbound.refillAll(attached, true);
          else for (const { key } of rows.values()) outbound.publishAsItStands(attached, key);
          outbound.run();
          resolve(ownOf(host, attached, { position, rows }));
        },
      });
      this.#replays.push(missed);
    });
  }

  /** Nothing is taken over from now on. */
  stop(): void {
    this.#gap.stop();
    this.audit.stop();
    this.#parts.transfers.close();
    for (const replay of this.#replays) replay.unsubscribe();
  }
}
