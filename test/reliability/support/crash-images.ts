import { execFileSync } from 'node:child_process';
import {
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  realpathSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Backend, Recovery } from '../../../src/log/backend.ts';
import { sqliteBackend } from '../../../src/backends/sqlite/sqlite-backend.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { BLOCK_BYTES, CHECKPOINTED, LATEST, checkpointAt, segmentAt } from './crash-workload.ts';
import { shimmed } from './disk-shim.ts';
import { type DiskEvent, IMAGE_KINDS, type ImageKind, RecordedDisk, readRecording } from './recorded-disk.ts';

/** How the recorded session commits; `weak` says `commit` and syncs like `interval`. */
export type Level = 'commit' | 'interval' | 'weak';

/** A recorded session. */
export interface Recording {
  readonly directory: string;
  readonly level: Level;
  readonly events: readonly DiskEvent[];
}

/** Records one session of a backend in a process of its own. */
export function record(
  parts: { readonly shim: string; readonly program: string; readonly scratch: string },
  session: { readonly level: Level; readonly commits: number; readonly rounds: number },
): Recording {
  const base = realpathSync(mkdtempSync(join(parts.scratch, 'recorded-')));
  const directory = join(base, 'data');
  mkdirSync(directory);
  const file = join(base, 'recording');
  const { level, commits, rounds } = session;
  execFileSync(process.execPath, [parts.program, directory, level, String(commits), String(rounds)], {
    env: shimmed(parts.shim, directory, file),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const events = readRecording(file);
  rmSync(base, { recursive: true });
  return { directory, level, events };
}

/** What became of the images of a recording. */
export interface CrashReport {
  /** Calls after which images were built. */
  points: number;
  images: number;
  /** Images with sealed blocks in them. */
  sealed: number;
  /** Images in which something acknowledged was missing. */
  lost: number;
  /** Images that did not open, or opened with content that was never written. */
  wrong: number;
  /** Greatest age of an acknowledged commit that was missing, in milliseconds. */
  oldestLostMs: number;
  /** The first ten, for people. */
  readonly failures: string[];
}

interface Acknowledged {
  /** Up to here the log was asked to be trimmed. */
  trimmed: number;
  position: number;
  checkpoint: number;
  readonly times: { readonly position: number; readonly timeMs: number }[];
}

/** Builds `images` images of a recording, evenly spread over its calls, and opens each with the real backend. */
export async function checkImages(
  recording: Recording,
  options: { readonly images: number; readonly seed: number },
): Promise<CrashReport> {
  const random = new SeededRandom(options.seed);
  const report: CrashReport = {
    points: 0,
    images: 0,
    sealed: 0,
    lost: 0,
    wrong: 0,
    oldestLostMs: 0,
    failures: [],
  };
  const { events } = recording;
  const disk = new RecordedDisk(recording.directory);
  const acknowledged: Acknowledged = { trimmed: 0, position: 0, checkpoint: 0, times: [] };
  const stride = Math.max(1, (events.length * IMAGE_KINDS.length) / options.images);
  let next = random.next() * stride;
  for (const [index, event] of events.entries()) {
    if (event.path.endsWith('/acks')) note(acknowledged, event);
    else disk.apply(event);
    if (index < next) continue;
    next += stride;
    report.points++;
    for (const kind of IMAGE_KINDS) {
      const where = `after call ${index + 1} of ${events.length} (${event.kind} ${event.path.slice(-12)} ${event.offset}), ${kind}`;
      await checkImage(disk.image(kind, random), { where, kind, acknowledged, event, report });
    }
  }
  return report;
}

function note(acknowledged: Acknowledged, { data, timeMs }: DiskEvent): void {
  const [what, number] = Buffer.from(data).toString().trim().split(' ');
  const position = Number(number);
  if (what === 'c') acknowledged.checkpoint = position;
  if (what === 't') acknowledged.trimmed = position;
  if (what !== 'p') return;
  acknowledged.position = Math.max(acknowledged.position, position);
  acknowledged.times.push({ position, timeMs });
}

interface Subject {
  readonly where: string;
  readonly kind: ImageKind;
  readonly acknowledged: Acknowledged;
  readonly event: DiskEvent;
  readonly report: CrashReport;
}

async function checkImage(image: ReadonlyMap<string, Uint8Array>, subject: Subject): Promise<void> {
  const { report, acknowledged, where, event } = subject;
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tablecast-image-'));
  report.images++;
  const problem = (text: string) => {
    if (report.failures.length < 10) report.failures.push(`${where}: ${text}`);
  };
  try {
    for (const [name, bytes] of image) writeSparse(join(directory, name), bytes);
    const found = await openAndRead(join(directory, 'node.db'));
    if (found.trimmedTo > acknowledged.trimmed) {
      throw new Error(`trimmed to ${found.trimmedTo}, which was asked for to ${acknowledged.trimmed} only`);
    }
    if (found.sealed) report.sealed++;
    if (found.lastPosition < acknowledged.position || found.checkpoint < acknowledged.checkpoint) {
      report.lost++;
      const missing = acknowledged.times.find(({ position }) => position > found.lastPosition);
      report.oldestLostMs = Math.max(report.oldestLostMs, event.timeMs - (missing?.timeMs ?? event.timeMs));
      problem(
        `position ${found.lastPosition} of ${acknowledged.position} acknowledged, checkpoint ${found.checkpoint} of ${acknowledged.checkpoint}`,
      );
    }
  } catch (error) {
    report.wrong++;
    problem(error instanceof Error ? error.message : String(error));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Opens what is there, compares it with the workload word for word, closes, and opens again. */
async function openAndRead(
  file: string,
): Promise<{ lastPosition: number; trimmedTo: number; checkpoint: number; sealed: boolean }> {
  const limits = { blockBytes: BLOCK_BYTES };
  const backend = sqliteBackend({ file, durability: 'commit', owner: 'checker', inline: true, limits });
  const recovery = await backend.open();
  const { lastPosition, trimmedTo, checkpoints } = recovery;
  try {
    await compare(backend, recovery);
    // What was interrupted goes on where it stopped, and changes nothing.
    while (await backend.seal(lastPosition));
    await compare(backend, recovery);
  } finally {
    await backend.close();
  }
  return {
    lastPosition,
    trimmedTo,
    checkpoint: checkpoints[0]?.position ?? 0,
    sealed: countSealed(file) > 0,
  };
}

function countSealed(file: string): number {
  const connection = new Database(file, { readonly: true });
  try {
    return connection.prepare<[], number>('SELECT count(*) FROM sealed').pluck().get() ?? 0;
  } finally {
    connection.close();
  }
}

/** Compares what a backend holds with the workload, word for word; throws what differs. */
export async function compare(backend: Backend, recovery: Recovery): Promise<void> {
  const { lastPosition, trimmedTo, facts, checkpoints, tornSegments } = recovery;
  if (tornSegments > 0) throw new Error(`${tornSegments} torn segments`);
  let position = trimmedTo;
  while (position < lastPosition) {
    const segments = await backend.read(position, 1e6);
    if (segments.length === 0) throw new Error(`the log ends at ${position}, not at ${lastPosition}`);
    for (const segment of segments) {
      const expected = segmentAt(position + 1);
      if (segment.position !== expected.position || segment.span !== expected.span) {
        throw new Error(
          `a segment at ${segment.position}+${segment.span} where ${expected.position}+${expected.span} belongs`,
        );
      }
      if (!Buffer.from(segment.bytes).equals(expected.bytes))
        throw new Error(`other bytes at ${segment.position}`);
      position = segment.position + segment.span - 1;
    }
  }
  if (position !== lastPosition) throw new Error(`the log ends at ${position}, not at ${lastPosition}`);
  // Set by every commit: another position would be half a commit.
  const latest = Number(new TextDecoder().decode(facts.get(LATEST) ?? new Uint8Array([48])));
  if (latest !== lastPosition) throw new Error(`the fact of ${latest} with a log up to ${lastPosition}`);
  for (const checkpoint of checkpoints) {
    const expected = checkpointAt(checkpoint.position);
    const same =
      checkpoint.table === CHECKPOINTED &&
      checkpoint.position <= lastPosition &&
      checkpoint.chunks.length === expected.chunks.length &&
      checkpoint.chunks.every((chunk, index) =>
        Buffer.from(chunk).equals(expected.chunks[index] as Uint8Array),
      );
    if (!same) throw new Error(`a checkpoint at ${checkpoint.position} that was never written`);
  }
}

const zeros = new Uint8Array(64 * 1024);

/** Writes a file without its zeros at the end, which are most of a write-ahead log. */
function writeSparse(file: string, bytes: Uint8Array): void {
  let end = bytes.length;
  while (end >= zeros.length && Buffer.compare(bytes.subarray(end - zeros.length, end), zeros) === 0)
    end -= zeros.length;
  const descriptor = openSync(file, 'w');
  if (end > 0) writeSync(descriptor, bytes, 0, end, 0);
  ftruncateSync(descriptor, bytes.length);
  closeSync(descriptor);
}
