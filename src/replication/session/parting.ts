import type { NodeEvent } from '../../events.ts';
import { type Stretches, sessionIn } from '../../log/operations/session-marks.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { Held, Replica, ReplicaTable } from '../replica.ts';
import { forkClaimed, forked, parted } from './session-events.ts';

/**
 * The first life of which another node holds other operations than this one under the same numbers; undefined
 * when none is known. `written` says, per entry of `held`, in which sessions of its author it was written.
 */
function partedLife(
  table: Pick<ReplicaTable, 'held' | 'sessionOf'>,
  held: Held,
  written: readonly Stretches[],
): string | undefined {
  const found = held.find(([origin, sequence], index) => {
    const both = Math.min(sequence, table.held(origin));
    const there = both === 0 ? 0 : sessionIn(written[index] ?? [], both);
    const here = there === 0 ? 0 : table.sessionOf(origin, both);
    return here !== 0 && here !== there;
  });
  return found?.[0];
}

/** Entries of which sessions do not say whether both sides hold the same operations up to there. */
function undecided(
  table: Pick<ReplicaTable, 'held' | 'sessionOf'>,
  held: Held,
  sessions: readonly number[] = [],
): Held {
  return held.filter(([origin, sequence], index) => {
    const isKnown = (sessions[index] ?? 0) !== 0 && sequence <= table.held(origin);
    return !isKnown || table.sessionOf(origin, sequence) === 0;
  });
}

/** Returns what is known of entries of which only the session of the last operation was said. */
export function writtenLast(held: Held, sessions: readonly number[] | undefined): Stretches[] {
  if (sessions === undefined) return [];
  return held.map(([, sequence], index) => [sequence, sessions[index] ?? 0]);
}

/** The parts are what finding out about one peer needs. */
export interface PartingParts {
  readonly replica: Replica;
  readonly tables: PeerTables;
  /** Id of the peer's node. */
  peer(): string | undefined;
  report(event: NodeEvent): void;
  /** A table is not shared with the peer any more, which is to be told. */
  parted(name: string): void;
}

/**
 * Finds out of which tables one peer holds, or says it holds, other operations than this node under the same
 * names (INV-4). Those are not shared with it as long as the session lasts: what comes from one side would be put behind another past, and
 * its key numbers stand for other keys there.
 */
export class Parting {
  readonly #parts: PartingParts;
  /** Per table that parted, a life of which both sides hold other operations. */
  readonly #lives = new Map<string, string>();
  readonly #told = new Set<string>();

  constructor(parts: PartingParts) {
    this.#parts = parts;
  }

  /** The life because of which a table is not shared. */
  lifeOf(name: string): string | undefined {
    return this.#lives.get(name);
  }

  /** Looks at what the peer said last of a table that is about to be shared. */
  compare(name: string): void {
    const { replica, tables } = this.#parts;
    const shared = tables.shared.get(name);
    const state = tables.stateOf(name);
    const table = replica.table(name);
    if (shared === undefined || state === undefined || table === undefined) return;
    const { held, sessions, parted: said } = state;
    const open = undecided(table, held, sessions);
    const own = this.#lives.has(name) ? 'sound' : replica.judgeOwn(name, open, tables.mayBringAll(name));
    if (own !== 'sound') {
      tables.unshare(name);
      this.#report(name, undefined, own === 'forked');
    }
    // A life of which this node holds nothing cannot be the one.
    const told = said !== undefined && table.held(said) > 0 ? said : undefined;
    const life = this.#lives.get(name) ?? told ?? partedLife(table, held, writtenLast(held, sessions));
    if (life !== undefined) this.part(name, life);
  }

  /** Looks at what a peer has of single lives; false when it is not of the same past. */
  agrees(name: string, held: Held, written: readonly Stretches[]): boolean {
    const { replica, tables } = this.#parts;
    const table = replica.table(name);
    if (table === undefined || !tables.shared.has(name)) return true;
    const life = partedLife(table, held, written);
    if (life !== undefined) this.part(name, life);
    return life === undefined;
  }

  /** Shares a table no longer of which both sides hold other operations of a life under the same names. */
  part(name: string, life: string): void {
    this.#parts.tables.unshare(name);
    if (this.#lives.has(name)) return;
    this.#lives.set(name, life);
    this.#report(name, life, this.#parts.tables.mayBring(name, life));
    this.#parts.parted(name);
  }

  /** Tells of a fork what is to be done only when the peer could have brought the other operations: others may say anything. */
  #report(table: string, life: string | undefined, counts: boolean): void {
    if (this.#told.has(table)) return;
    this.#told.add(table);
    const { nodeId } = this.#parts.replica;
    const isOwn = life === undefined || life.slice(0, life.lastIndexOf('@')) === nodeId;
    const claim = {
      table,
      life: life ?? nodeId,
      peer: this.#parts.peer(),
      holder: this.#parts.tables.grant.holder,
    };
    if (!counts) this.#parts.report(forkClaimed(claim));
    else this.#parts.report(isOwn ? forked(claim) : parted(claim));
  }
}
