import { TablecastError } from './errors.ts';
import { isModeName } from './log/epoch.ts';
import type { StoreName } from './log/journal.ts';
import type { OperationLog } from './log/operation-log.ts';
import type { Origins } from './log/origin.ts';
import { wasProxyOf } from './log/proxy.ts';
import { type DecodedRun, type OpenedRun, type RunHeader, openRun, readRun } from './log/run.ts';
import type { RunReference } from './log/segment-store.ts';
import type { Slicing, Work } from './log/slices.ts';
import type { Stretches } from './log/session-marks.ts';
import { Adopter } from './projection/adopter.ts';
import { checkpointChunks } from './projection/checkpoint.ts';
import { DigestCache } from './projection/digest-cache.ts';
import { stateName } from './projection/digest.ts';
import type { Dispatcher } from './projection/dispatcher.ts';
import { ownOperation } from './projection/own-operation.ts';
import { preparationOf } from './projection/preparation.ts';
import type { Projection } from './projection/projection.ts';
import type {
  AdoptedRows,
  AppliedRuns,
  Held,
  OwnJudgement,
  Prepared,
  Replica,
  ReplicaTable,
} from './replication/replica.ts';

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
  /** How long work is cut. */
  readonly slicing: Slicing;
  /** This node goes on under a new epoch in one store. */
  beginLife(store: StoreName): void;
}

/** A run of a frame, whose checksum was found right; it can be unpacked once. */
interface ReceivedRun {
  readonly reference: RunReference & RunHeader;
  /** What was prepared of it is unpacked already. */
  readonly opened: OpenedRun | undefined;
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
  readonly parted: Map<string, string>;
  readonly named: NameCount;
  seen(run: RunReference): boolean;
  add(operations: number): void;
}

/** The tables of this node as replication sees them. */
export class LocalReplica implements Replica {
  readonly #parts: ReplicaParts;
  readonly #digests: DigestCache;
  readonly #adopter: Adopter;

  /** Tables of which a peer held another past than this node, and the life in which they part: a later life does not mend that. */
  readonly #forks = new Map<Projection, string>();
  /** Tables that this node wrote in the life before the present one, which it left because of another table. */
  readonly #left = new Map<Projection, number>();
  /** Stores whose present life began in this process: of memory every one. */
  readonly #begun = new Set<StoreName>(['memory']);
  /** Tables of which a peer has said what it holds, so that it may have been told of new operations. */
  readonly #compared = new Set<Projection>();
  /** Runs of frames that are prepared, by their bytes: they need not be unpacked twice. */
  readonly #decoded = new WeakMap<Uint8Array, DecodedRun>();

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    this.#digests = new DigestCache(parts.origins);
    this.#adopter = new Adopter(parts);
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

  held(table: string, origin: string): number | undefined {
    const projection = this.#parts.projections.get(table);
    return projection === undefined ? undefined : this.#heldOf(projection, origin);
  }

  #heldOf(projection: Projection, origin: string): number {
    const index = this.#parts.origins.find(origin);
    return index === undefined ? 0 : projection.vector().get(index);
  }

  *tables(): IterableIterator<ReplicaTable> {
    for (const projection of this.#parts.projections.values()) yield this.#describe(projection);
  }

  judgeOwn(table: string, held: Held, believed: boolean): OwnJudgement {
    const projection = this.#parts.projections.get(table);
    if (projection === undefined || projection.own < 0) return 'sound';
    const { origins } = this.#parts;
    const own = origins.at(projection.own);
    const fork = this.#forks.get(projection);
    if (fork !== undefined && held.some(([text]) => text === fork)) return believed ? 'forked' : 'claimed';
    const left = this.#left.get(projection);
    const isBeyond = ([text, sequence]: Held[number]): boolean =>
      left !== undefined && text === origins.at(left).text && sequence > projection.vector().get(left);
    if (believed && left !== undefined && held.some(isBeyond)) {
      this.#forks.set(projection, origins.at(left).text);
      return 'forked';
    }
    const life = own.text.slice(own.nodeId.length);
    const vector = projection.vector();
    // Nobody was told anything yet: what a peer has beyond what was here at the start comes from a lost past.
    const most = this.#compared.has(projection) ? vector.get(projection.own) : projection.startedAt;
    this.#compared.add(projection);
    const isAhead = held.some(([text, sequence]) => {
      if (text === own.text) return sequence > most;
      const isProxy = text.endsWith(life) && wasProxyOf(own.nodeId, text.slice(0, -life.length));
      if (!isProxy) return false;
      const index = origins.find(text);
      return index === undefined || sequence > vector.get(index);
    });
    if (!isAhead) return 'sound';
    // Of a life that began in this process nobody can know more than it wrote.
    if (!believed || this.#begun.has(projection.store)) return 'claimed';
    if (projection.wrote) {
      this.#forks.set(projection, own.text);
      return 'forked';
    }
    for (const other of this.#parts.projections.values())
      if (other.store === projection.store && other.wrote) this.#left.set(other, other.own);
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
      mode: projection.mode.name,
      unavailable: (mode) => (isModeName(mode) ? projection.modeOf(mode).unavailable?.() : undefined),
      epoch: projection.epoch,
      declaration: projection.schema.declaration,
      rows: projection.rows.size,
      forgottenNodes: [...projection.lives.forgotten.keys()],
      held: (origin) => this.#heldOf(projection, origin),
      vector: () =>
        Array.from(
          projection.vector().entries(),
          ([origin, sequence]) => [origins.at(origin).text, sequence] as const,
        ),
      sessionOf: (origin, sequence) => projection.sessions.of(origins.find(origin) ?? -1, sequence),
      positionOf: (origin, sequence) => projection.marks.positionOf(origins.find(origin), sequence),
      state: () => stateName(projection, origins),
      revision: projection.revision,
      digests: () => this.#digests.of(projection),
      checkpoint: () => {
        log.seal();
        return keptChunks(projection, origins);
      },
    };
  }

  prepare(runs: readonly Uint8Array[], taken: (table: string) => boolean): Prepared | undefined {
    return preparationOf(runs, {
      origins: this.#parts.origins,
      decoded: this.#decoded,
      tableOf: (table) => (taken(table) ? this.#parts.projections.get(table) : undefined),
    });
  }

  receive(runs: readonly Uint8Array[], seen: (run: RunReference) => boolean): AppliedRuns {
    const { log, dispatcher } = this.#parts;
    const opened = runs.map((bytes) => this.#open(bytes));
    dispatcher.hold();
    const outcome = {
      operations: 0,
      gaps: new Set<string>(),
      ahead: new Set<string>(),
      forgotten: new Set<string>(),
      crowded: new Set<string>(),
      parted: new Map<string, string>(),
      references: [] as RunReference[],
      named: { names: 0, mostOrigins: this.#parts.origins.size + MAX_FRAME_ORIGINS },
    };
    try {
      // Held back already: what is told of this must not be answered before the frame is taken in.
      log.seal();
      for (const store of ['memory', 'sqlite'] as const)
        this.#receiveInto(store, opened, { ...outcome, seen, add: (count) => (outcome.operations += count) });
      for (const { table } of outcome.references) this.#parts.projections.get(table)?.carryOver();
    } finally {
      dispatcher.release();
    }
    const { operations, references, gaps, ahead, forgotten, crowded, parted } = outcome;
    return {
      operations,
      references,
      gaps: [...gaps],
      ahead: [...ahead],
      forgotten: [...forgotten],
      crowded: [...crowded],
      parted: [...parted],
    };
  }

  #open(bytes: Uint8Array): ReceivedRun {
    const decoded = this.#decoded.get(bytes);
    if (decoded === undefined) return openReceived(bytes);
    const { table, origin, session, firstSequence, count, epoch } = decoded;
    return {
      opened: undefined,
      reference: { table, origin, session, firstSequence, count, epoch, bytes },
    };
  }

  #receiveInto(store: StoreName, runs: readonly ReceivedRun[], outcome: Outcome): void {
    const { log, projections } = this.#parts;
    const first = log.position + 1;
    const accepted: AcceptedRun[] = [];
    let position = first;
    try {
      for (const run of runs) {
        const { reference } = run;
        const projection = projections.get(reference.table);
        if (projection?.store !== store) continue;
        outcome.references.push(reference);
        if (!outcome.seen(reference)) continue;
        log.requireRoom(store);
        if (this.#isCrowded(projection, reference.origin)) {
          outcome.crowded.add(reference.origin);
          continue;
        }
        if (this.#isOther(projection, reference)) outcome.parted.set(reference.table, reference.origin);
        if (outcome.parted.has(reference.table)) continue;
        const applied = this.#apply(projection, run, { position, named: outcome.named });
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

  /** Whether operations of a run are held already that are others: of one life one session wrote each name. */
  #isOther(projection: Projection, { origin: text, session, ...run }: RunHeader): boolean {
    const origin = this.#parts.origins.find(text);
    const skip = origin === undefined ? 0 : (projection.overlap(run, origin) ?? 0);
    if (origin === undefined || skip === 0) return false;
    const known = projection.sessions.of(origin, run.firstSequence + skip - 1);
    return known !== 0 && session !== 0 && known !== session;
  }

  /** How many operations were new; undefined for a gap, `ahead` when a switch of mode is missing before them. */
  #apply(
    projection: Projection,
    { reference, opened }: ReceivedRun,
    { position, named }: { readonly position: number; readonly named: NameCount },
  ): number | 'ahead' | undefined {
    const { origins } = this.#parts;
    const origin = origins.intern(reference.origin);
    const skip = projection.overlap(reference, origin);
    if (skip === undefined) return undefined;
    if (skip === reference.count) return 0;
    if (projection.writes(origin)) throw ownOperation(reference);
    if (projection.isAhead(reference)) return 'ahead';
    const run =
      opened === undefined
        ? (this.#decoded.get(reference.bytes) as DecodedRun)
        : readRun(opened, projection.schema.column);
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

  *adopt(
    table: string,
    chunks: readonly Uint8Array[],
    seen: (held: Held, written: readonly Stretches[]) => boolean,
  ): Work<AdoptedRows | undefined> {
    const projection = this.#parts.projections.get(table);
    return projection === undefined ? undefined : yield* this.#adopter.adopt(projection, chunks, seen);
  }
}

function tooManyNames(limit: number): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `A peer named more origins than the limit of ${limit}.`, {
    hint: 'Give nodes ids that come back: every id that ever wrote is remembered.',
    details: { limit },
  });
}

function openReceived(bytes: Uint8Array): ReceivedRun {
  const opened = openRun(bytes);
  return { opened, reference: { ...opened.header, bytes } };
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
