import { isTablecastError } from '../../errors.ts';
import { isModeName } from '../../log/operations/epoch.ts';
import { differenceFromThere } from '../../schema/index.ts';
import type { BackendName } from '../../schema/schema.ts';
import type { OperationLog } from '../../log/keeping/operation-log.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { wasProxyOf } from '../../log/operations/proxy.ts';
import type { Slicing, Work } from '../../work/slices.ts';
import type { WallClock } from '../../log/operations/wall-clock.ts';
import type { Stretches } from '../../log/operations/session-marks.ts';
import { Adopter } from '../../projection/checkpoints/adopter.ts';
import { checkpointChunks } from '../../projection/checkpoints/checkpoint-writer.ts';
import { DigestCache } from '../../projection/comparing/digest-cache.ts';
import { stateName } from '../../projection/comparing/digest.ts';
import type { Dispatcher } from '../../projection/telling/dispatcher.ts';
import type { Projection } from '../../projection/projection.ts';
import type { WholeTable } from '../../projection/whole-table.ts';
import { Receiver } from './receiver.ts';
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

/**
 * Some in a turn, until all are written. While the disk takes nothing, values are written again when the next such peer
 * comes: nobody called this who could be told.
 */
function writeTouched(projection: Projection, slicing: Slicing): void {
  try {
    if (projection.local.writeTouched()) slicing.defer(() => writeTouched(projection, slicing));
  } catch (error) {
    if (!isTablecastError(error)) throw error;
  }
}

/** The tables of this node as replication sees them. */
export class LocalReplica implements Replica {
  readonly #parts: ReplicaParts;
  readonly #digests: DigestCache;
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
    this.#digests = new DigestCache(parts.origins);
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
    return projection === undefined ? undefined : this.#describe(projection);
  }

  held(table: string, origin: string): number | undefined {
    const projection = this.#parts.projections.get(table);
    return projection === undefined ? undefined : this.#heldOf(projection, origin);
  }

  #heldOf(projection: Projection, origin: string): number {
    const index = this.#parts.origins.find(origin);
    return index === undefined ? 0 : projection.held.vector().get(index);
  }

  *tables(): IterableIterator<ReplicaTable> {
    for (const projection of this.#parts.projections.values()) yield this.#describe(projection);
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

  #describe(projection: Projection): ReplicaTable {
    const { origins, log } = this.#parts;
    return {
      name: projection.schema.name,
      store: projection.store,
      fingerprint: projection.schema.fingerprint,
      mode: projection.inForce.mode.name,
      unavailable: (mode) => (isModeName(mode) ? projection.inForce.modeOf(mode).unavailable?.() : undefined),
      epoch: projection.inForce.epoch,
      canFollow: (epoch) => projection.inForce.canFollow(epoch),
      declaration: projection.schema.declaration,
      // A switch of mode changes what stands, and not what was declared.
      differenceFrom: (there, mode) =>
        differenceFromThere(
          { ...projection.schema.declaration, mode: projection.inForce.mode.name },
          { ...there, mode },
        ),
      rows: projection.rows.size,
      get forgottenNodes() {
        return [...projection.held.lives.forgotten.keys()];
      },
      get lives() {
        return projection.held.vector().size;
      },
      get changes() {
        return projection.held.vector().changes;
      },
      held: (origin) => this.#heldOf(projection, origin),
      vector: () =>
        Array.from(
          projection.held.vector().entries(),
          ([origin, sequence]) => [origins.at(origin).text, sequence] as const,
        ),
      sessionOf: (origin, sequence) => projection.held.sessions.of(origins.find(origin) ?? -1, sequence),
      positionOf: (origin, sequence) => projection.held.marks.positionOf(origins.find(origin), sequence),
      state: () => stateName(projection, origins),
      revision: projection.revision,
      digests: () => this.#digests.of(projection),
      writeTouched: () => writeTouched(projection, this.#parts.slicing),
      checkpoint: () => {
        log.seal();
        return keptChunks(projection, origins);
      },
    };
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

/** A table's checkpoint while its slots keep their numbers. */
function* keptChunks(projection: Projection, origins: Origins): Generator<Uint8Array, void, undefined> {
  const release = projection.keepSlots();
  try {
    yield* checkpointChunks(projection, origins);
  } finally {
    release();
  }
}
