import type { Checkpoint, Recovery, Segment } from '../log/backend.ts';
import { TablecastError } from '../errors.ts';
import { LOG_NAMES } from '../log/trimming/log-keeper.ts';
import type { Origins } from '../log/operations/origin.ts';
import { openSegmentBytes } from '../log/keeping/segment-store.ts';
import { loadCheckpoint } from '../projection/checkpoints/adoption.ts';
import { decodeCheckpoint } from '../projection/checkpoints/checkpoint-reader.ts';
import type { Projection } from '../projection/projection.ts';
import { replaySegment } from '../projection/replay/replay.ts';

const PAGE_BYTES = 4 * 1024 * 1024;

/** Reads a log, as `Backend.read`. */
export type ReadLog = (after: number, maxBytes: number) => readonly Segment[];

/** Tables that a log is folded into. */
export interface Fold {
  readonly projections: ReadonlyMap<string, Projection>;
  readonly origins: Origins;
}

/** Is told up to which position a log was read. */
export type OnRead = (position: number) => void;

/** Walked is what a walk went through. */
export interface Walked {
  readonly segments: number;
  readonly operations: number;
}

/**
 * Folds a log, from checkpoints if some are given, and checks on the way what a node takes for granted:
 * that positions grow, that every table of an operation is known, and that no operation of any life is
 * missing. Throws `BACKEND_DAMAGED` with the place, or what cannot be decoded. Lets the event loop go on.
 */
export async function foldLog(
  read: ReadLog,
  { trimmedTo, checkpoints, lastPosition }: Pick<Recovery, 'trimmedTo' | 'checkpoints' | 'lastPosition'>,
  into: Fold,
  onRead?: OnRead,
): Promise<Walked> {
  const covered = new Map(checkpoints.map((checkpoint) => [checkpoint.table, checkpoint.position]));
  for (const checkpoint of checkpoints)
    at(`the checkpoint of ${checkpoint.table}`, () => load(checkpoint, into));
  let segments = 0;
  let operations = 0;
  let cursor = trimmedTo;
  for (;;) {
    const page = read(cursor, PAGE_BYTES);
    for (const segment of page) {
      if (segment.position <= cursor) {
        throw broken(`the segment at position ${segment.position} lies within the one before it`);
      }
      cursor = segment.position + segment.span - 1;
      segments += 1;
      operations += at(`the segment at position ${segment.position}`, () => fold(segment, covered, into));
    }
    if (page.length === 0) break;
    onRead?.(cursor);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  if (cursor > lastPosition)
    throw broken(`the log goes on to ${cursor} behind its last position, ${lastPosition}`);
  return { segments, operations };
}

/** Names the place of what goes wrong. */
function at<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw broken(`${where}: ${reason}`, error);
  }
}

/** Makes the error for content of a database that cannot be. */
export function broken(problem: string, cause?: unknown): TablecastError {
  return new TablecastError('BACKEND_DAMAGED', problem, {
    hint: 'Restore a backup, or start with an empty directory and let peers fill it.',
    cause,
  });
}

function load(checkpoint: Checkpoint, { projections, origins }: Fold): void {
  // The names of trimmed key numbers belong to no table.
  if (checkpoint.table === LOG_NAMES) return;
  const projection = projections.get(checkpoint.table);
  if (projection === undefined) throw broken('the table has no declaration');
  const decoded = decodeCheckpoint(checkpoint.chunks, projection.schema, false);
  loadCheckpoint(projection, origins, decoded, checkpoint);
  for (const dictionary of projection.held.dictionaries.values()) dictionary.summedUp(checkpoint.position);
}

/** Folds one segment and returns how many operations are in it. */
function fold(segment: Segment, covered: ReadonlyMap<string, number>, into: Fold): number {
  const operations = requireWhole(segment, into);
  const end = segment.position + segment.span - 1;
  const behind = new Map(Array.from(into.projections).filter(([table]) => (covered.get(table) ?? 0) < end));
  replaySegment(segment, { projections: behind, origins: into.origins });
  return operations;
}

/** Throws when an operation that came before one of the segment is not there. */
function requireWhole(segment: Segment, { projections, origins }: Fold): number {
  const { runs, adopted } = openSegmentBytes(segment);
  if (adopted !== undefined && !projections.has(adopted)) throw broken(`table ${adopted} has no declaration`);
  const ends = new Map<string, number>();
  let operations = 0;
  for (const { table, origin, firstSequence, count } of runs) {
    const projection = projections.get(table);
    if (projection === undefined) throw broken(`table ${table} has no declaration`);
    const name = `${table} ${origin}`;
    const before = ends.get(name) ?? 0;
    const follows = firstSequence <= before + 1;
    if (!follows && projection.held.overlap({ firstSequence, count }, origins.intern(origin)) === undefined) {
      const held = Math.max(before, projection.held.vector().get(origins.intern(origin)));
      throw broken(`table ${table}: operations ${held + 1} to ${firstSequence - 1} of ${origin} are missing`);
    }
    ends.set(name, Math.max(before, firstSequence + count - 1));
    operations += count;
  }
  return operations;
}
