import type { Segment } from '../backends/backend.ts';
import { STAMPS_PER_MS } from '../log/hybrid-clock.ts';
import type { Origins } from '../log/origin.ts';
import { type DecodedRun, decodeRun, readRunHeader } from '../log/run.ts';
import { type OperationsSegment, decodeSegment } from '../log/segment.ts';
import { loadCheckpoint } from './adoption.ts';
import { decodeCheckpoint } from './checkpoint.ts';
import type { Projection } from './projection.ts';

/** How far to replay; both bounds are inclusive. */
export interface ReplayBound {
  readonly position: number;
  /** Milliseconds since 1970; operations their author wrote later are left out. */
  readonly timeMs: number;
}

/** Replay everything. */
const EVERYTHING: ReplayBound = { position: Infinity, timeMs: Infinity };

/** Folds one segment of this node's log into the projections of its tables; tables not given are left out. */
export function replaySegment(
  segment: Segment,
  into: { readonly projections: ReadonlyMap<string, Projection>; readonly origins: Origins },
  bound: ReplayBound = EVERYTHING,
): void {
  const content = decodeSegment(segment.bytes);
  if (content.kind === 'adoption') {
    const projection = into.projections.get(content.table);
    if (projection === undefined || segment.position > bound.position) return;
    const checkpoint = decodeCheckpoint(content.chunks, projection.schema, true);
    loadCheckpoint(projection, into.origins, checkpoint, segment.position);
    return;
  }
  const counts = countsUpTo(content, segment, bound.position);
  for (const [index, bytes] of content.runs.entries()) {
    const projection = into.projections.get(readRunHeader(bytes).table);
    if (projection === undefined) continue;
    const run = decodeRun(bytes, projection.schema.column);
    const skip = Math.max(0, projection.overlap(run, into.origins.intern(run.origin)) ?? 0);
    const byPosition = counts === undefined ? run.count : skip + (counts[index] ?? 0);
    const end = Math.min(byPosition, endByTime(run, bound.timeMs));
    if (end > skip) projection.apply(run, skip, { position: segment.position, live: false, end });
  }
}

/** How many operations of each run stand at or before a position; undefined when all do. */
function countsUpTo(content: OperationsSegment, segment: Segment, position: number): number[] | undefined {
  if (position >= segment.position + segment.span - 1) return undefined;
  let rest = Math.max(0, position - segment.position + 1);
  const counts = content.runs.map(() => 0);
  const order =
    content.order ?? content.runs.map((bytes, run) => ({ run, count: readRunHeader(bytes).count }));
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
