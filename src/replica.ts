import { TablecastError } from './errors.ts';
import { isModeName } from './log/epoch.ts';
import type { StoreName } from './log/journal.ts';
import type { OperationLog } from './log/operation-log.ts';
import type { Origins } from './log/origin.ts';
import { isProxyOf } from './log/proxy.ts';
import { type RunHeader, decodeRun, readRunHeader } from './log/run.ts';
import type { RunReference } from './log/segment-store.ts';
import { adoptCheckpoint } from './projection/adoption.ts';
import { type DecodedCheckpoint, checkpointChunks, decodeCheckpoint } from './projection/checkpoint.ts';
import { TableDigest, stateName } from './projection/digest.ts';
import type { Dispatcher } from './projection/dispatcher.ts';
import type { Projection } from './projection/projection.ts';
import type { AppliedRuns, Held, Replica, ReplicaTable, TableDigests } from './replication/replica.ts';

/** Digests of so many tables are kept for the next question. */
const MAX_DIGESTS = 4;

/** Most lives whose operations one table holds; of others none are taken. */
const MAX_TABLE_ORIGINS = 8192;
/** Most lives that are known by name, of all tables together. */
const MAX_ORIGINS = 262_144;
/** Most lives never heard of before that one frame may name; the run that passes it still counts. */
const MAX_FRAME_ORIGINS = 4096;
/** Most entries of contexts and lists of origins in one frame. */
const MAX_FRAME_NAMES = 131_072;

/** What the replica is made of. */
export interface ReplicaParts {
  readonly nodeId: string;
  readonly session: number;
  readonly log: OperationLog;
  readonly origins: Origins;
  readonly dispatcher: Dispatcher;
  /** The tables this node declares; others are neither stored nor passed on. */
  readonly projections: ReadonlyMap<string, Projection>;
  readonly ownOrigins: readonly string[];
  /** This node goes on under a new epoch in one store. */
  beginLife(store: StoreName): void;
}

interface AcceptedRun {
  readonly reference: RunReference;
  readonly applied: number;
}

/** What the runs of one frame name, which costs beside their operations. */
interface NameCount {
  names: number;
  /** How many origins may be known when they have been taken in. */
  readonly mostOrigins: number;
}

/** What is gathered while runs are received. */
interface Outcome {
  readonly gaps: Set<string>;
  readonly ahead: Set<string>;
  readonly references: RunReference[];
  readonly forgotten: Set<string>;
  readonly crowded: Set<string>;
  readonly named: NameCount;
  seen(run: RunReference): boolean;
  add(operations: number): void;
}

/** The tables of this node as replication sees them. */
export class LocalReplica implements Replica {
  readonly #parts: ReplicaParts;
  readonly #digests = new Map<Projection, TableDigest>();

  /** Tables of which a peer has said what it holds, so that it may have been told of new operations. */
  /** Tables of which a peer held another past than this node, and the life in which they part: a later life does not mend that. */
  readonly #forks = new Map<Projection, string>();
  /** Tables that this node wrote in the life before the present one, which it left because of another table. */
  readonly #left = new Map<Projection, number>();
  readonly #compared = new Set<Projection>();

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
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

  table(name: string): ReplicaTable | undefined {
    const projection = this.#parts.projections.get(name);
    return projection === undefined ? undefined : this.#describe(projection);
  }

  *tables(): IterableIterator<ReplicaTable> {
    for (const projection of this.#parts.projections.values()) yield this.#describe(projection);
  }

  ownIsSound(table: string, held: Held, believed: boolean): boolean {
    const projection = this.#parts.projections.get(table);
    if (projection === undefined || projection.own < 0) return true;
    const { origins } = this.#parts;
    const own = origins.at(projection.own);
    const fork = this.#forks.get(projection);
    if (fork !== undefined && held.some(([text]) => text === fork)) return false;
    const left = this.#left.get(projection);
    const isBeyond = ([text, sequence]: Held[number]): boolean =>
      left !== undefined && text === origins.at(left).text && sequence > projection.vector().get(left);
    if (believed && left !== undefined && held.some(isBeyond)) {
      this.#forks.set(projection, origins.at(left).text);
      return false;
    }
    const life = own.text.slice(own.nodeId.length);
    const vector = projection.vector();
    // Nobody was told anything yet: what a peer has beyond what was here at the start comes from a lost past.
    const most = this.#compared.has(projection) ? vector.get(projection.own) : projection.startedAt;
    this.#compared.add(projection);
    const isAhead = held.some(([text, sequence]) => {
      if (text === own.text) return sequence > most;
      const isProxy = text.endsWith(life) && isProxyOf(own.nodeId, text.slice(0, -life.length));
      if (!isProxy) return false;
      const index = origins.find(text);
      return index === undefined || sequence > vector.get(index);
    });
    if (!isAhead) return true;
    if (projection.wrote && believed) this.#forks.set(projection, own.text);
    if (projection.wrote || !believed) return false;
    for (const other of this.#parts.projections.values())
      if (other.store === projection.store && other.wrote) this.#left.set(other, other.own);
    this.#parts.beginLife(projection.store);
    return true;
  }

  #describe(projection: Projection): ReplicaTable {
    const { origins, log } = this.#parts;
    return {
      name: projection.schema.name,
      store: projection.store,
      fingerprint: projection.schema.fingerprint,
      mode: projection.mode.name,
      unavailable: (mode) => (isModeName(mode) ? projection.modeOf(mode).unavailable?.() : undefined),
      epoch: projection.epoch,
      declaration: projection.schema.declaration,
      rows: projection.rows.size,
      forgottenNodes: [...projection.lives.forgotten.keys()],
      held: (origin) => {
        const index = origins.find(origin);
        return index === undefined ? 0 : projection.vector().get(index);
      },
      vector: () =>
        Array.from(
          projection.vector().entries(),
          ([origin, sequence]) => [origins.at(origin).text, sequence] as const,
        ),
      positionOf: (origin, sequence) => projection.marks.positionOf(origins.find(origin), sequence),
      state: () => stateName(projection, origins),
      digests: () => this.#digestsOf(projection),
      checkpoint: () => {
        log.seal();
        return keptChunks(projection, origins);
      },
    };
  }

  #digestsOf(projection: Projection): TableDigests {
    const { origins } = this.#parts;
    const state = stateName(projection, origins);
    const slots = projection.rows.slots;
    let digest = this.#digests.get(projection);
    // Slots are numbered anew when removed keys are forgotten, which is no change of state.
    if (digest?.state !== state || digest.numbered !== slots) digest = new TableDigest(projection, state);
    this.#digests.delete(projection);
    this.#digests.set(projection, digest);
    if (this.#digests.size > MAX_DIGESTS)
      this.#digests.delete(this.#digests.keys().next().value as Projection);
    const present = digest;
    return {
      state,
      root: () => present.root(),
      buckets: () => present.buckets(),
      leaves: (bucket) => present.leaves(bucket),
      rows: (leaves) => present.rows(leaves, origins),
      differences: (leaves, chunks) => present.differences(leaves, chunks, origins),
    };
  }

  receive(runs: readonly Uint8Array[], seen: (run: RunReference) => boolean): AppliedRuns {
    const { log, dispatcher } = this.#parts;
    log.seal();
    dispatcher.hold();
    const outcome = {
      operations: 0,
      gaps: new Set<string>(),
      ahead: new Set<string>(),
      forgotten: new Set<string>(),
      crowded: new Set<string>(),
      references: [] as RunReference[],
      named: { names: 0, mostOrigins: this.#parts.origins.size + MAX_FRAME_ORIGINS },
    };
    try {
      for (const store of ['memory', 'sqlite'] as const)
        this.#receiveInto(store, runs, { ...outcome, seen, add: (count) => (outcome.operations += count) });
      for (const { table } of outcome.references) this.#parts.projections.get(table)?.carryOver();
    } finally {
      dispatcher.release();
    }
    const { operations, references, gaps, ahead, forgotten, crowded } = outcome;
    return {
      operations,
      references,
      gaps: [...gaps],
      ahead: [...ahead],
      forgotten: [...forgotten],
      crowded: [...crowded],
    };
  }

  #receiveInto(store: StoreName, runs: readonly Uint8Array[], outcome: Outcome): void {
    const { log, projections } = this.#parts;
    const first = log.position + 1;
    const accepted: AcceptedRun[] = [];
    let position = first;
    try {
      for (const bytes of runs) {
        const reference = { ...readRunHeader(bytes), bytes };
        const projection = projections.get(reference.table);
        if (projection?.store !== store) continue;
        outcome.references.push(reference);
        if (!outcome.seen(reference)) continue;
        log.requireRoom(store);
        if (this.#isCrowded(projection, reference.origin)) {
          outcome.crowded.add(reference.origin);
          continue;
        }
        const applied = this.#apply(projection, reference, { position, named: outcome.named });
        if (applied === undefined) outcome.gaps.add(reference.table);
        if (applied === 'ahead') outcome.ahead.add(reference.table);
        if (projection.lives.isForgotten(this.#parts.origins.intern(reference.origin))) {
          outcome.forgotten.add(reference.origin);
        }
        if (applied === undefined || applied === 0 || applied === 'ahead') continue;
        accepted.push({ reference, applied });
        position += applied;
      }
    } finally {
      // Also when a later run is refused: what was applied must stand in the log.
      if (accepted.length > 0) {
        const received = {
          store,
          runs: accepted.map(({ reference }) => reference),
          applied: accepted.map(({ applied }) => applied),
        };
        log.appendReceived(received, first);
        outcome.add(position - first);
      }
    }
  }

  /** Whether a life is one too many for a table, or for this node. */
  #isCrowded(projection: Projection, text: string): boolean {
    const { origins } = this.#parts;
    const origin = origins.find(text);
    if (origin === undefined && origins.size >= MAX_ORIGINS) return true;
    const held = projection.vector();
    return held.size >= MAX_TABLE_ORIGINS && (origin === undefined || held.get(origin) === 0);
  }

  /** How many operations were new; undefined for a gap, `ahead` when a switch of mode is missing before them. */
  #apply(
    projection: Projection,
    reference: RunReference & RunHeader,
    { position, named }: { readonly position: number; readonly named: NameCount },
  ): number | 'ahead' | undefined {
    const { origins } = this.#parts;
    const origin = origins.intern(reference.origin);
    const skip = projection.overlap(reference, origin);
    if (skip === undefined) return undefined;
    if (skip === reference.count) return 0;
    if (projection.writes(origin)) throw ownOperation(reference);
    if (projection.isAhead(reference)) return 'ahead';
    const run = decodeRun(reference.bytes, projection.schema.column);
    named.names += run.context.length + run.newOrigins.length;
    if (named.names > MAX_FRAME_NAMES) throw tooManyNames(MAX_FRAME_NAMES);
    const knowsAll =
      origins.size < MAX_ORIGINS || run.newOrigins.every((text) => origins.find(text) !== undefined);
    if (!knowsAll) throw tooManyNames(MAX_ORIGINS);
    projection.check(run);
    if (origins.size > named.mostOrigins) throw tooManyNames(MAX_FRAME_ORIGINS);
    projection.apply(run, Math.max(0, skip), { position, live: true });
    return reference.count - Math.max(0, skip);
  }

  adopt(table: string, chunks: readonly Uint8Array[], seen: (held: Held) => void): number {
    const { log, dispatcher, origins, projections } = this.#parts;
    const projection = projections.get(table);
    if (projection === undefined) return 0;
    log.requireRoom(projection.store);
    const checkpoint = decodeCheckpoint(chunks, projection.schema, false);
    requireOwnKnown(projection, origins, checkpoint);
    seen(checkpoint.header.vector);
    log.seal();
    dispatcher.hold();
    try {
      const position = log.position + 1;
      const adopted = adoptCheckpoint(projection, origins, checkpoint, position);
      const count = adopted.rows.length + adopted.removed.length;
      const content = adopted.whole ? chunks : [...checkpointChunks(projection, origins, adopted)];
      log.appendAdoption(
        projection.store,
        { kind: 'adoption', table, chunks: content },
        { position, span: Math.max(1, count) },
      );
      projection.carryOver();
      return count;
    } finally {
      dispatcher.release();
    }
  }
}

/** Refuses a checkpoint that claims more of what this node writes than it wrote: its next operations would count as held. */
function requireOwnKnown(
  projection: Projection,
  origins: Origins,
  { header, rows }: DecodedCheckpoint,
): void {
  const check = (origin: string, sequence: number): void => {
    const index = origins.find(origin);
    if (index === undefined || !projection.writes(index) || sequence <= projection.vector().get(index))
      return;
    throw ownOperation({ table: header.table, origin, firstSequence: sequence });
  };
  for (const [origin, sequence] of header.vector) check(origin, sequence);
  for (const { origins: named, originOf, sequences } of rows) {
    const largest = named.map(() => 0);
    for (let index = 0; index < originOf.length; index++) {
      const origin = originOf[index] as number;
      const sequence = sequences[index] as number;
      if (sequence > (largest[origin] as number)) largest[origin] = sequence;
    }
    for (const [index, origin] of named.entries()) check(origin, largest[index] as number);
  }
}

function tooManyNames(limit: number): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `A peer named more origins than the limit of ${limit}.`, {
    hint: 'Give nodes ids that come back: every id that ever wrote is remembered.',
    details: { limit },
  });
}

function ownOperation(reference: Pick<RunReference, 'table' | 'origin' | 'firstSequence'>): TablecastError {
  const name = `${reference.table}, ${reference.origin}, ${reference.firstSequence}`;
  return new TablecastError(
    'OPERATION_INVALID',
    `A peer sent operations of this node's present life (${name}) that it did not write.`,
    {
      hint: 'Another process runs with the same id and a copy of the directory, or a peer forges operations. Give each node its own id and directory.',
      details: { table: reference.table, origin: reference.origin, sequence: reference.firstSequence },
    },
  );
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
