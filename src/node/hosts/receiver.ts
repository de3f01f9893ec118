import { TablecastError, isTablecastError } from '../../errors.ts';
import type { Epoch } from '../../log/operations/epoch.ts';
import type { BackendName } from '../../schema/schema.ts';
import type { OperationLog } from '../../log/keeping/operation-log.ts';
import { type Origins, checkOrigin, parseOrigin } from '../../log/operations/origin.ts';
import type { DecodedRun, RunHeader } from '../../log/runs/run.ts';
import type { RunReference } from '../../log/keeping/segment-store.ts';
import type { Dispatcher } from '../../projection/telling/dispatcher.ts';
import { ownOperation } from '../../projection/folding/own-operation.ts';
import { preparationOf } from '../../projection/folding/preparation.ts';
import type { Letting } from '../../projection/folding/waited-runs.ts';
import { ReceivedRun } from '../../projection/folding/received-run.ts';
import type { Projection } from '../../projection/projection.ts';
import { requireWithinReach } from '../../projection/switching/switching.ts';
import type { Slicing, Work } from '../../work/slices.ts';
import type {
  AppliedRuns,
  Prepared,
  ReceivedFrame,
  ReceivedReference,
  Refusal,
  RunSource,
} from '../../replication/replica.ts';

/** Most lives whose operations one table holds; of others none are taken. */
const MAX_TABLE_ORIGINS = 8192;
/** Most lives never heard of before that one frame may name; the run that passes it still counts. */
const MAX_FRAME_ORIGINS = 4096;
/** Most entries of contexts and lists of origins in one frame. */
const MAX_FRAME_NAMES = 131_072;

/** The parts are what the runs of others go into. */
export interface ReceiverParts {
  readonly log: OperationLog;
  readonly origins: Origins;
  readonly dispatcher: Dispatcher;
  /** The tables this node declares; others are neither stored nor passed on. */
  readonly projections: ReadonlyMap<string, Projection>;
  /** Says how long work is cut: a part of it is what a frame may let take effect with it of what waited. */
  readonly slicing: Slicing;
}

interface AcceptedRun {
  readonly reference: RunReference;
  readonly applied: number;
}

/** An outcome gathers what comes of the runs of one frame while they are received. */
class Outcome {
  operations = 0;
  readonly gaps = new Set<string>();
  readonly ahead = new Set<string>();
  readonly references: ReceivedReference[] = [];
  readonly forgotten = new Set<string>();
  readonly parted = new Map<string, string>();
  readonly refused = new Map<string, Refusal>();
  /** Counts the entries of contexts and lists of origins that its runs name, which costs beside their operations. */
  names = 0;
  /** Says what the frame has too much of, so that nothing more of it is looked at. */
  tooMuch: TablecastError | undefined;
  /** Counts those that nobody has named before. */
  newNames = 0;
  readonly room: Letting['room'];

  constructor(room: number) {
    this.room = { left: room };
  }

  /** Takes nothing more of what a run's author wrote in its table. */
  refuse({ table, origin, firstSequence }: RunHeader | RunReference, error: TablecastError): void {
    this.refused.set(`${table}\n${origin}`, { table, origin, sequence: firstSequence, error });
  }

  isRefused({ table, origin }: RunReference): boolean {
    return this.refused.size > 0 && this.refused.has(`${table}\n${origin}`);
  }

  applied(rest: Work | undefined): AppliedRuns {
    return {
      operations: this.operations,
      references: this.references,
      gaps: [...this.gaps],
      ahead: [...this.ahead],
      forgotten: [...this.forgotten],
      parted: [...this.parted],
      refused: [...this.refused.values()],
      rest,
    };
  }
}

/** Takes the runs of frames in: into rows, and into this node's log. What is refused concerns its author in that table only. */
export class Receiver {
  readonly #parts: ReceiverParts;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
  }

  /** Opens the runs of one frame. Throws `OPERATION_INVALID` for bytes that are no run. */
  open(bytes: readonly Uint8Array[]): ReceivedFrame {
    const runs = bytes.map((run) => this.#open(run));
    return { prepare: (taken) => this.#prepare(runs, taken), take: (from) => this.#receive(runs, from) };
  }

  #open(bytes: Uint8Array): ReceivedRun {
    const run = new ReceivedRun(bytes);
    const { origin } = run.reference;
    // Bytes that name no author cannot be held back as somebody's: they are no run.
    if (this.#parts.origins.find(origin) === undefined) checkOrigin(origin);
    return run;
  }

  #prepare(runs: readonly ReceivedRun[], taken: (table: string) => boolean): Prepared | undefined {
    return preparationOf(runs, {
      origins: this.#parts.origins,
      tableOf: (table) => (taken(table) ? this.#parts.projections.get(table) : undefined),
    });
  }

  #receive(runs: readonly ReceivedRun[], from: RunSource): AppliedRuns {
    const { log, dispatcher, projections, slicing } = this.#parts;
    dispatcher.hold();
    const outcome = new Outcome(slicing.units >> 2);
    try {
      // Held back already: what is told of this must not be answered before the frame is taken in.
      log.seal();
      for (const store of log.storeNames) this.#receiveInto(store, runs, { outcome, from });
      for (const { table } of outcome.references) projections.get(table)?.inForce.carryOver();
    } finally {
      dispatcher.release();
    }
    const isRest = outcome.references.some(({ table }) => hasWaited(projections.get(table)));
    return outcome.applied(isRest ? this.#rest(outcome) : undefined);
  }

  /** Lets take effect what waited for the runs of a frame, which itself took part of the first slice. */
  *#rest({ operations, references }: Outcome): Work {
    yield 1 + operations;
    for (const name of new Set(references.map(({ table }) => table)))
      for (let units = this.#next(name); units !== undefined; units = this.#next(name)) yield units;
  }

  /** Lets what one frame brought take effect as if it came now; returns what that took. */
  #next(name: string): number | undefined {
    const { log, dispatcher, projections } = this.#parts;
    const table = projections.get(name);
    if (!hasWaited(table)) return undefined;
    dispatcher.hold();
    try {
      log.seal();
      return table?.inForce.documents?.waited.next();
    } finally {
      dispatcher.release();
    }
  }

  #receiveInto(
    store: BackendName,
    runs: readonly ReceivedRun[],
    { outcome, from }: { readonly outcome: Outcome; readonly from: RunSource },
  ): void {
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
        if (!from.seen(reference) || outcome.isRefused(reference)) continue;
        const applied = this.#take(projection, run, { outcome, position, from });
        if (applied === 0) continue;
        accepted.push({ reference, applied });
        position += applied;
      }
    } finally {
      // Also when a later run cannot be applied: what was applied must stand in the log.
      if (accepted.length > 0) {
        const received = {
          store,
          runs: accepted.map(({ reference }) => reference),
          applied: accepted.map(({ applied }) => applied),
        };
        log.appendReceived(received, first);
        outcome.operations += position - first;
      }
    }
  }

  /** Counts the operations of a run that were new and are applied; why none are, is noted in the outcome. */
  #take(
    projection: Projection,
    run: ReceivedRun,
    on: { readonly outcome: Outcome; readonly position: number; readonly from: RunSource },
  ): number {
    const { outcome, position } = on;
    const { table, origin, firstSequence, count } = run.reference;
    if (this.#isOther(projection, run.reference)) outcome.parted.set(table, origin);
    if (outcome.parted.has(table)) return 0;
    let checked: DecodedRun | 'gap' | 'ahead' | 'known';
    try {
      checked = this.#check(projection, run, on);
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      outcome.refuse(run.reference, error);
      return 0;
    }
    if (checked === 'gap') outcome.gaps.add(table);
    if (checked === 'ahead') outcome.ahead.add(table);
    const author = this.#parts.origins.find(origin);
    const isForgotten =
      author === undefined ? checked === 'known' : projection.held.lives.isForgotten(author);
    if (isForgotten) outcome.forgotten.add(origin);
    if (typeof checked === 'string') return 0;
    const held = author === undefined ? 0 : projection.held.vector().get(author);
    const skip = Math.max(0, held - firstSequence + 1);
    projection.fold.apply(checked, skip, { position, live: true, room: outcome.room });
    return count - skip;
  }

  /**
   * Returns whether operations of a run are held already that are others: of one life one session wrote each
   * name.
   */
  #isOther(projection: Projection, { origin: text, session, ...run }: RunHeader): boolean {
    const origin = this.#parts.origins.find(text);
    const skip = origin === undefined ? 0 : (projection.held.overlap(run, origin) ?? 0);
    if (origin === undefined || skip === 0) return false;
    const known = projection.held.sessions.of(origin, run.firstSequence + skip - 1);
    return known !== 0 && session !== 0 && known !== session;
  }

  /**
   * A run that may be applied; otherwise whether one before it is missing (`gap`), a switch of mode is (`ahead`), or
   * all of it is held (`known`). Changes no table. Throws what keeps its author's operations from being taken.
   */
  #check(
    projection: Projection,
    received: ReceivedRun,
    { outcome, from }: { readonly outcome: Outcome; readonly from: RunSource },
  ): DecodedRun | 'gap' | 'ahead' | 'known' {
    const { origins, log } = this.#parts;
    const { reference } = received;
    this.#requirePlace(projection, reference.origin);
    // A run that is not applied must leave nothing behind, not even its author's name.
    const origin = origins.find(reference.origin);
    const skip =
      origin === undefined
        ? overlapOfUnknown(projection, reference)
        : projection.held.overlap(reference, origin);
    if (skip === undefined) return 'gap';
    if (skip === reference.count) return 'known';
    if (origin !== undefined && projection.authors.writes(origin)) throw ownOperation(reference);
    if (projection.inForce.isAhead(reference)) {
      requireWithinReach(projection, reference.epoch as Epoch);
      return 'ahead';
    }
    log.requireRoom(projection.store);
    const tooMuch = outcome.tooMuch ?? received.tooDear;
    if (tooMuch !== undefined) throw tooMuch;
    const run = received.read(projection.schema.column);
    this.#countNames(projection, run, outcome);
    projection.fold.check(run, from.wrote(reference.origin), received);
    return run;
  }

  /** Throws `LIMIT_EXCEEDED` for a life that is one too many for a table. */
  #requirePlace(projection: Projection, text: string): void {
    const { origins } = this.#parts;
    const origin = origins.find(text);
    const held = projection.held.vector();
    if (held.size < MAX_TABLE_ORIGINS || (origin !== undefined && held.get(origin) > 0)) return;
    throw new TablecastError(
      'LIMIT_EXCEEDED',
      `Too many lives have written table ${projection.schema.name}: ${MAX_TABLE_ORIGINS}, and ${text} is one more.`,
      {
        hint: 'Give nodes ids that come back, and begin anew with a table of another name: every life that ever wrote a table is remembered.',
        details: { table: projection.schema.name, origin: text, limit: MAX_TABLE_ORIGINS },
      },
    );
  }

  #countNames(
    { held: { claims } }: Projection,
    { context, newOrigins, origin }: DecodedRun,
    outcome: Outcome,
  ): void {
    outcome.names += context.length + newOrigins.length;
    if (outcome.names > MAX_FRAME_NAMES) outcome.tooMuch = tooManyNames(MAX_FRAME_NAMES);
    const unknown = claims.unknown(newOrigins);
    outcome.newNames += unknown + claims.unknown([origin]);
    if (outcome.newNames > MAX_FRAME_ORIGINS) outcome.tooMuch = tooManyNames(MAX_FRAME_ORIGINS);
    if (outcome.tooMuch !== undefined) throw outcome.tooMuch;
    claims.require(parseOrigin(origin).nodeId, unknown);
  }
}

function hasWaited(table: Projection | undefined): boolean {
  return table?.inForce.documents?.waited.remain === true;
}

/** As `overlap` of a projection, of an author whose name was never heard of. */
function overlapOfUnknown({ held: { lives } }: Projection, run: RunReference): number | undefined {
  if (lives.isOver(parseOrigin(run.origin))) return run.count;
  return run.firstSequence > 1 ? undefined : 0;
}

function tooManyNames(limit: number): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `A peer named more origins than the limit of ${limit}.`, {
    hint: 'Give nodes ids that come back: every id that ever wrote is remembered.',
    details: { limit },
  });
}
