import { LOG_NAMES } from '../../src/log/trimming/log-keeper.ts';
import { allAtOnce } from '../../src/work/slices.ts';
import { readRunHeader } from '../../src/log/runs/run.ts';
import { decodeSegment } from '../../src/log/runs/segment.ts';
import { sessionIn } from '../../src/log/operations/session-marks.ts';
import { takeHeader } from '../../src/projection/checkpoints/checkpoint-header.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';

/** Per table and origin, as `table origin`, the highest sequence that is on one of the disks: a life is held from its beginning. */
export function heldOnDisks(disks: Iterable<SimulatedDisk>): ReadonlyMap<string, number> {
  const held = new Map<string, number>();
  const note = (table: string, origin: string, sequence: number): void => {
    const name = `${table} ${origin}`;
    held.set(name, Math.max(held.get(name) ?? 0, sequence));
  };
  const noteCheckpoint = (table: string, chunks: readonly Uint8Array[]): void => {
    for (const [origin, sequence] of vectorOfHeader(chunks)) note(table, origin, sequence);
  };
  for (const { segments, checkpoints } of disks) {
    for (const { table, chunks } of checkpoints.values())
      if (table !== LOG_NAMES) noteCheckpoint(table, chunks);
    for (const segment of segments) {
      const content = decodeSegment(segment.bytes);
      if (content.kind === 'adoption') noteCheckpoint(content.table, content.chunks);
      else
        for (const { table, origin, firstSequence, count } of content.runs.map(readRunHeader))
          note(table, origin, firstSequence + count - 1);
    }
  }
  return held;
}

/** The version vector that a checkpoint's header states. */
export function vectorOfHeader(
  chunks: readonly Uint8Array[],
): readonly (readonly [origin: string, sequence: number])[] {
  return headerOf(chunks).vector;
}

interface Header {
  readonly vector: readonly (readonly [origin: string, sequence: number])[];
  readonly written?: readonly (readonly number[])[];
}

function headerOf(chunks: readonly Uint8Array[]): Header {
  return JSON.parse(new TextDecoder().decode(allAtOnce(takeHeader(chunks)).text)) as Header;
}

/** Per `table origin` and sequence, in which session of its author it was written, as far as a disk says so. */
function sessionsOnDisk({
  segments,
  checkpoints,
}: SimulatedDisk): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const sessions = new Map<string, Map<number, number>>();
  const note = (name: string, sequence: number, session: number): void => {
    if (session === 0) return;
    const known = sessions.get(name) ?? new Map<number, number>();
    sessions.set(name, known.set(sequence, session));
  };
  const noteCheckpoint = (table: string, chunks: readonly Uint8Array[]): void => {
    const { vector, written = [] } = headerOf(chunks);
    for (const [index, [origin, last]] of vector.entries()) {
      const stretches = written[index] ?? [];
      for (let sequence = stretches[0] ?? Infinity; sequence <= last; sequence++)
        note(`${table} ${origin}`, sequence, sessionIn(stretches, sequence));
    }
  };
  for (const { table, chunks } of checkpoints.values())
    if (table !== LOG_NAMES) noteCheckpoint(table, chunks);
  for (const { bytes } of segments) {
    const content = decodeSegment(bytes);
    if (content.kind === 'adoption') noteCheckpoint(content.table, content.chunks);
    else
      for (const { table, origin, session, firstSequence, count } of content.runs.map(readRunHeader))
        for (let at = 0; at < count; at++) note(`${table} ${origin}`, firstSequence + at, session);
  }
  return sessions;
}

/** Lives, as `table origin`, of which two disks hold different operations under one name. */
export function differentLives(one: SimulatedDisk, other: SimulatedDisk): string[] {
  const [here, there] = [sessionsOnDisk(one), sessionsOnDisk(other)];
  return [...here.keys()].filter((name) => {
    const sessions = there.get(name) ?? new Map<number, number>();
    return [...(here.get(name) ?? [])].some(
      ([sequence, session]) => (sessions.get(sequence) ?? session) !== session,
    );
  });
}
