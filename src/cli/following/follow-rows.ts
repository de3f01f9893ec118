import { note, visible } from '../output.ts';
import type { PacedWrites } from '../paced-writes.ts';
import { type Imported, type ImportFlags, type ImportTarget, importRows } from '../row-import.ts';
import { untilSignal } from '../signals.ts';
import { FollowedLog } from './followed-log.ts';
import { readPlace, writePlace } from './place.ts';

/** Pause before a log is looked at again. */
const PAUSE_MS = 250;
/** A place is at most so much older than what was read. */
const BUSY_MS = 1000;

/** The flags say how a log is followed. */
export interface FollowFlags extends ImportFlags {
  /** Names the file that keeps the place. */
  readonly place?: string | undefined;
}

/**
 * Writes every row of a log into a table, and every row that is written to it, until SIGINT or SIGTERM. The place is
 * kept after the rows before it are durable: after a crash the rows since the last place are written once more.
 */
export async function followRows(file: string, target: ImportTarget, flags: FollowFlags): Promise<Imported> {
  const { place } = flags;
  let reached = 0;
  let kept = -1;
  let writes: PacedWrites | undefined;
  const keep = async (): Promise<void> => {
    const line = reached;
    if (line === kept) return;
    const at = log.placeAt(line);
    if (place !== undefined) {
      await writes?.end();
      if (at !== undefined) await writePlace(place, at);
    }
    kept = line;
  };
  const log = new FollowedLog(file, {
    place: place === undefined ? undefined : readPlace(place),
    pauseMs: PAUSE_MS,
    busyMs: BUSY_MS,
    idle: keep,
    notice: (text) => note(visible(text)),
  });
  const imported = importRows({ name: file, chunks: log.chunks() }, target, flags, (line, of) => {
    reached = line;
    writes = of;
  });
  const all = imported.then(async (rows) => {
    // Behind the last record there may be lines that are none: all that was given on was read.
    reached = Infinity;
    await keep();
    return rows;
  });
  await untilSignal((end, fail) => {
    all.then(end, fail);
    return () => log.stop();
  });
  return all;
}
