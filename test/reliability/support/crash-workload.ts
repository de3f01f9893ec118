import type { Checkpoint, Commit, Segment } from '../../../src/log/backend.ts';

/** What the recorded child writes follows from positions alone, so that a checker knows it without being told. */

/** The table whose checkpoint the workload writes. */
export const CHECKPOINTED = 'checked';
/** The fact that every commit sets to its last position. */
export const LATEST = 'latest';

/** Segments are sealed in blocks of about this size, so that a short session has some. */
export const BLOCK_BYTES: number = 16 * 1024;
/** Positions that are not trimmed, and of these those that are not sealed. */
export const KEPT = 60;
export const KEPT_UNSEALED = 10;

/** Spans of 1 to 3 positions and up to 3 kB, now and then 20 kB. */
export function segmentAt(position: number): Segment {
  const size = position % 29 === 0 ? 20_000 : 1 + ((position * 37) % 3000);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = (position * 31 + at * 7) & 0xff;
  return { position, span: 1 + (position % 3), bytes };
}

/** The commit that follows `last`: one or two segments and the fact that names where it ends. */
export function commitAfter(last: number): { readonly commit: Commit; readonly end: number } {
  const segments: Segment[] = [];
  let end = last;
  for (let count = 1 + (last % 2); count > 0; count--) {
    const segment = segmentAt(end + 1);
    segments.push(segment);
    end = segment.position + segment.span - 1;
  }
  return { commit: { segments, facts: new Map([[LATEST, new TextEncoder().encode(String(end))]]) }, end };
}

/** The checkpoint at a position: up to three chunks. */
export function checkpointAt(position: number): Checkpoint {
  const chunks = Array.from({ length: 1 + (position % 3) }, (_, chunk) =>
    new Uint8Array(2000 + ((position * (chunk + 3)) % 9000)).fill((position + chunk) & 0xff),
  );
  return { table: CHECKPOINTED, position, chunks };
}
