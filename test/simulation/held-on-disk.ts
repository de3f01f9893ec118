import { LOG_NAMES } from '../../src/log/log-keeper.ts';
import { readRunHeader } from '../../src/log/run.ts';
import { decodeSegment } from '../../src/log/segment.ts';
import { takeHeader } from '../../src/projection/checkpoint-header.ts';
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
  const header: unknown = JSON.parse(new TextDecoder().decode(takeHeader(chunks).text));
  return (header as { vector: [string, number][] }).vector;
}
