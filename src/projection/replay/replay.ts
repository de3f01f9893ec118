import { TablecastError } from '../../errors.ts';
import type { Segment } from '../../log/backend.ts';
import { STAMPS_PER_MS } from '../../log/operations/hybrid-clock.ts';
import { SWITCH } from '../../log/operations/operation.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { type DecodedRun, RunColumns, openRun, readRun } from '../../log/runs/run.ts';
import { type Stretch, decodeSegment, placesOf } from '../../log/runs/segment.ts';
import { type CheckpointPart, loadCheckpoint } from '../checkpoints/adoption.ts';
import { decodeCheckpoint } from '../checkpoints/checkpoint-reader.ts';
import type { WholeTable } from '../whole-table.ts';

/** The bound says how far to replay; both bounds are inclusive. */
export interface ReplayBound {
  readonly position: number;
  /** Milliseconds since 1970; operations their author wrote later are left out. */
  readonly timeMs: number;
}

const COLUMNS = new RunColumns();

/** Replay everything. */
const EVERYTHING: ReplayBound = { position: Infinity, timeMs: Infinity };

/** Positions of a run's operations: from `first` on, unless `places` says where each stands. */
export interface RunPlaces {
  readonly first: number;
  readonly places: readonly number[] | undefined;
}

/** A target is what a segment is folded into. */
export interface ReplayTarget {
  readonly projections: ReadonlyMap<string, WholeTable>;
  readonly origins: Origins;
  /**
   * Has subscribers told of changes, as if their operations followed one another from the first on, and is called
   * before each run with what makes positions of that. Of what an adopted checkpoint changes nobody is told.
   */
  readonly telling?: ((table: string, places: RunPlaces) => void) | undefined;
}

/**
 * Folds one segment of this node's log into the projections of its tables; tables not given are left out. Throws
 * `BACKEND_DAMAGED` where an author's operations before it are missing.
 */
export function replaySegment(segment: Segment, into: ReplayTarget, bound: ReplayBound = EVERYTHING): void {
  const content = decodeSegment(segment.bytes);
  if (content.kind === 'adoption') {
    const projection = into.projections.get(content.table);
    if (projection === undefined || segment.position > bound.position) return;
    const checkpoint = decodeCheckpoint(content.chunks, projection.schema, true);
    const { position } = segment;
    loadCheckpoint(projection, into.origins, checkpoint, { position, part: partOf(segment, bound) });
    return;
  }
  const runs = content.runs.map((bytes) => openRun(bytes));
  const order = content.order ?? runs.map(({ header: { count } }, run) => ({ run, count }));
  const counts = countsUpTo(order, segment, bound.position);
  const beginnings = beginningsOf(order, segment.position);
  const places = into.telling === undefined ? undefined : placesOf(content.order, segment.position);
  for (const [index, opened] of runs.entries()) {
    const projection = into.projections.get(opened.header.table);
    if (projection === undefined) continue;
    // A document keeps what it is given; rows keep nothing of a run.
    const columns = projection.inForce.documents === undefined ? COLUMNS : undefined;
    const run = readRun(opened, projection.schema.column, columns);
    const overlap = projection.held.overlap(run, into.origins.intern(run.origin));
    const skip = Math.max(0, overlap ?? 0);
    const byPosition = counts === undefined ? run.count : skip + (counts[index] ?? 0);
    const end = Math.min(byPosition, endByTime(run, bound.timeMs));
    // A chapter that begins inside the segment must not count as begun where the one before goes on.
    const position = beginnings[index] ?? segment.position;
    // Up to a time, what somebody wrote later is left out, and what follows it is not.
    const isWhole = bound.timeMs === Infinity && position <= bound.position;
    if (overlap === undefined && isWhole) throw missingBefore(run, segment);
    if (end <= skip && !isFollowed(projection, run, bound)) continue;
    // A switch written too late was made all the same before what was written behind it.
    if (projection.inForce.isAhead(run) && run.kinds?.[0] !== SWITCH && run.epoch !== undefined)
      projection.inForce.switchHere(run.epoch);
    into.telling?.(run.table, { first: position, places: places?.[index] });
    projection.fold.apply(run, skip, {
      position,
      live: into.telling !== undefined,
      end: Math.max(end, skip),
    });
  }
}

/** Rows of no moment would come of it: what is missing may have named keys of what follows, and changed rows. */
function missingBefore({ table, origin, firstSequence }: DecodedRun, { position }: Segment): TablecastError {
  return new TablecastError(
    'BACKEND_DAMAGED',
    `The log has number ${firstSequence} of what ${origin} wrote into table ${table} at position ${position}, and not what goes before.`,
    {
      hint: 'Something of the log was lost: look with tablecast verify, and restore from a backup or a peer.',
      details: { position },
    },
  );
}

/**
 * Returns whether others may follow a run that was written too late, by a clock that was set back since: it must be known, if
 * not by what it did. Its keys have numbers that later runs use, and changes of a document follow its changes.
 */
function isFollowed({ inForce }: WholeTable, run: DecodedRun, { timeMs }: ReplayBound): boolean {
  return timeMs !== Infinity && !inForce.isAhead(run);
}

/** Says how much lies within the bound of a checkpoint that begins before it; undefined for all of it. */
function partOf({ position, span }: Segment, bound: ReplayBound): CheckpointPart | undefined {
  const entries = bound.position < position + span - 1 ? bound.position - position + 1 : Infinity;
  const before = (bound.timeMs + 1) * STAMPS_PER_MS;
  return entries === Infinity && before === Infinity ? undefined : { entries, before };
}

/** Positions of the first operation of each run; `order` says which run each position belongs to. */
function beginningsOf(order: readonly Stretch[], position: number): number[] {
  const beginnings: number[] = [];
  let next = position;
  for (const { run, count } of order) {
    if (run >= 0) beginnings[run] ??= next;
    next += count;
  }
  return beginnings;
}

/** Counts the operations of each run that stand at or before a position; undefined when all do. */
function countsUpTo(order: readonly Stretch[], segment: Segment, position: number): number[] | undefined {
  if (position >= segment.position + segment.span - 1) return undefined;
  let rest = Math.max(0, position - segment.position + 1);
  const counts: number[] = [];
  for (const { run, count } of order) {
    const taken = Math.min(rest, count);
    if (run >= 0) counts[run] = (counts[run] ?? 0) + taken;
    rest -= taken;
  }
  return counts;
}

/** Index behind the last operation written at or before a time. Times do not decrease within a run. */
function endByTime(run: DecodedRun, timeMs: number): number {
  if (timeMs === Infinity) return run.count;
  const limit = (timeMs + 1) * STAMPS_PER_MS;
  if (run.stamps === undefined) return run.firstStamp < limit ? run.count : 0;
  const later = run.stamps.findIndex((stamp) => stamp >= limit);
  return later < 0 ? run.count : later;
}
