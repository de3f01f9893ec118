import type { BackendName } from '../../schema/schema.ts';
import type { OperationLog } from '../../log/keeping/operation-log.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { wasProxyOf } from '../../log/operations/proxy.ts';
import type { Slicing, Work } from '../../work/slices.ts';
import type { WallClock } from '../../log/operations/wall-clock.ts';
import type { Stretches } from '../../log/operations/session-marks.ts';
import { Adopter } from '../../projection/checkpoints/adopter.ts';
import { DigestCache } from '../../projection/comparing/digest-cache.ts';
import type { Dispatcher } from '../../projection/telling/dispatcher.ts';
import type { Projection } from '../../projection/projection.ts';
import type { WholeTable } from '../../projection/whole-table.ts';
import { Receiver } from './receiver.ts';
import { LocalTable, type LocalTableParts, heldOf } from './local-table.ts';
import type {
  AdoptedRows,
  Held,
  OwnJudgement,
  Parted,
  ReceivedFrame,
  Replica,
  ReplicaTable,
} from '../../replication/replica.ts';

/** The parts are what the replica is made of. */
export interface ReplicaParts {
  readonly nodeId: string;
  readonly session: number;
  readonly log: OperationLog;
  readonly origins: Origins;
  readonly dispatcher: Dispatcher;
  /** The tables this node declares; others are neither stored nor passed on. */
  readonly projections: ReadonlyMap<string, Projection>;
  readonly ownOrigins: readonly string[];
  readonly wall: WallClock;
  /** Says how long work is cut. */
  readonly slicing: Slicing;
  /** This node goes on under a new epoch in one store. */
  beginLife(store: BackendName): void;
}

/** The tables of this node as replication sees them. */
export class LocalReplica implements Replica {
  readonly #parts: ReplicaParts;
  readonly #shared: LocalTableParts;
  readonly #adopter: Adopter;
  readonly #receiver: Receiver;

  /** Tables of which a peer held another past than this node, and the life in which they part: a later life does not mend that. */
  readonly #forks = new Map<WholeTable, string>();
  /** Tables that this node wrote in the life before the present one, which it left because of another table. */
  readonly #left = new Map<WholeTable, number>();
  /** Stores whose present life began in this process: of those that forget with it, every one. */
  readonly #begun: Set<BackendName>;
  /** Tables of which a peer has said what it holds, so that it may have been told of new operations. */
  readonly #compared = new Set<WholeTable>();

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    const forgetful = [...parts.log.stores].filter(([, { backend }]) => !backend.durable);
    this.#begun = new Set(forgetful.map(([name]) => name));
    this.#shared = { ...parts, digests: new DigestCache(parts.origins) };
    this.#adopter = new Adopter({ ...parts, known: (projection) => this.#known(projection) });
    this.#receiver = new Receiver(parts);
  }

  get nodeId(): string {
    return this.#parts.nodeId;
  }

  get session(): number {
    return this.#parts.session;
  }

  get log(): OperationLog {
    return this.#parts.log;
  }

  get ownOrigins(): readonly string[] {
    return this.#parts.ownOrigins;
  }

  heardClock(timeMs: number): void {
    this.#parts.wall.heard(timeMs);
  }

  touched(): readonly string[] {
    const names: string[] = [];
    for (const [name, { rows }] of this.#parts.projections)
      if (rows.touches !== undefined && rows.touches.size > 0) names.push(name);
    return names;
  }

  table(name: string): ReplicaTable | undefined {
    const projection = this.#parts.projections.get(name);
    return projection === undefined ? undefined : new LocalTable(projection, this.#shared);
  }

  held(table: string, origin: string): number | undefined {
    const projection = this.#parts.projections.get(table);
    return projection === undefined ? undefined : heldOf(projection, this.#parts.origins, origin);
  }

  *tables(): IterableIterator<ReplicaTable> {
    for (const projection of this.#parts.projections.values()) yield new LocalTable(projection, this.#shared);
  }

  judgeOwn(table: string, held: Held, believed: boolean): OwnJudgement {
    const projection = this.#parts.projections.get(table);
    if (projection === undefined || projection.authors.own < 0) return 'sound';
    const { origins } = this.#parts;
    const own = origins.at(projection.authors.own);
    const fork = this.#forks.get(projection);
    if (fork !== undefined && held.some(([text]) => text === fork)) return believed ? 'forked' : 'claimed';
    const left = this.#left.get(projection);
    const isBeyond = ([text, sequence]: Held[number]): boolean =>
      left !== undefined && text === origins.at(left).text && sequence > projection.held.vector().get(left);
    if (believed && left !== undefined && held.some(isBeyond)) {
      this.#forks.set(projection, origins.at(left).text);
      return 'forked';
    }
    const life = own.text.slice(own.nodeId.length);
    const vector = projection.held.vector();
    // Nobody was told anything yet: what a peer has beyond what was here at the start comes from a lost past.
    const most = this.#compared.has(projection)
      ? vector.get(projection.authors.own)
      : projection.authors.startedAt;
    this.#compared.add(projection);
    const isAhead = held.some(([text, sequence]) => {
      if (text === own.text) return sequence > most;
      const isProxy = text.endsWith(life) && wasProxyOf(own.nodeId, text.slice(0, -life.length));
      if (!isProxy) return false;
      const index = origins.find(text);
      return index === undefined || sequence > vector.get(index);
    });
    if (!isAhead) return 'sound';
    return believed ? this.#known(projection) : 'claimed';
  }

  /** A peer that could bring it knows more of a table than this node wrote in its present life; goes on in a new one where it can. */
  #known(projection: WholeTable): OwnJudgement {
    const { log, origins, projections } = this.#parts;
    // Nobody can know more than it wrote of a life that began in this process.
    if (this.#begun.has(projection.store)) return 'claimed';
    if (projection.authors.wrote) {
      this.#forks.set(projection, origins.at(projection.authors.own).text);
      return 'forked';
    }
    log.seal();
    for (const other of projections.values())
      if (other.store === projection.store && other.authors.wrote) this.#left.set(other, other.authors.own);
    this.#begun.add(projection.store);
    this.#parts.beginLife(projection.store);
    return 'sound';
  }

  open(runs: readonly Uint8Array[]): ReceivedFrame {
    return this.#receiver.open(runs);
  }

  *adopt(
    table: string,
    chunks: readonly Uint8Array[],
    seen: (held: Held, written: readonly Stretches[]) => boolean,
  ): Work<AdoptedRows | Parted | undefined> {
    const projection = this.#parts.projections.get(table);
    return projection === undefined ? undefined : yield* this.#adopter.adopt(projection, chunks, seen);
  }
}
