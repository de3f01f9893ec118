import type { Segment } from '../../../src/log/backend.ts';

/** A segment whose bytes and size follow from its position. */
export function segmentAt(position: number): Segment {
  return { position, span: 1, bytes: new Uint8Array(1 + (position % 3000)).fill(position % 253) };
}
