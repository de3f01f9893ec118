import { constants, deflateRaw, inflateRawSync } from 'node:zlib';
import { promisify } from 'node:util';
import { ByteReader, ByteWriter, malformed } from '../../log/bytes/bytes.ts';
import { joinSegments, splitSegments } from '../../log/runs/sealed-lanes.ts';
import type { Segment } from '../../log/backend.ts';

/** The layout below; docs/file-format.md describes it. */
const BLOCK_VERSION = 1;
const STORED = 0;
const DEFLATED = 1;

/** Level 4 costs half the time of level 6 and one hundredth more bytes on keys and numbers. */
const LEVEL = 4;

/** Most segments of one block. */
export const MAX_BLOCK_SEGMENTS = 2048;
/** Bounds what one block may unpack to. A segment that is larger is not compressed. */
export const MAX_BLOCK_BYTES: number = 16 * 1024 * 1024;
/** Lanes are sampled to see whether compressing them is worth the time. */
const SAMPLE_BYTES = 4096;
/** Bits per byte from which a lane counts as noise. */
const NOISE_BITS = 7.9;

const deflate = promisify<Uint8Array, { level: number }, Buffer>(deflateRaw);

/** Segments as one compressed block; a row of the table `sealed`. */
export interface Block {
  readonly position: number;
  /** Positions covered, those that no segment of the block has included. */
  readonly span: number;
  readonly bytes: Uint8Array;
}

/** Packs consecutive segments; compression runs in a thread of its own. */
export async function packBlock(segments: readonly Segment[]): Promise<Block> {
  const [first] = segments;
  const last = segments.at(-1);
  if (first === undefined || last === undefined) throw malformed('a block of nothing');
  const raw = segments.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const lanes = splitSegments(segments);
  const writer = new ByteWriter(raw);
  writer.byte(BLOCK_VERSION);
  writer.varint(segments.length);
  writer.varint(lanes.length);
  for (const lane of lanes) {
    const packed = raw > MAX_BLOCK_BYTES || isNoise(lane) ? undefined : await deflate(lane, { level: LEVEL });
    const shorter = packed !== undefined && packed.length < lane.length;
    writer.byte(shorter ? DEFLATED : STORED);
    writer.varint(lane.length);
    if (shorter) writer.varint(packed.length);
    writer.raw(shorter ? packed : lane);
  }
  const block = {
    position: first.position,
    span: last.position + last.span - first.position,
    bytes: writer.copy(),
  };
  requireSame(unpackBlock(block), segments);
  return block;
}

/** Nothing is removed for a block that does not give it back. */
function requireSame(found: readonly Segment[], given: readonly Segment[]): void {
  const same = found.every(({ position, span, bytes }, index) => {
    const segment = given[index] as Segment;
    return (
      position === segment.position && span === segment.span && Buffer.compare(bytes, segment.bytes) === 0
    );
  });
  if (!same || found.length !== given.length) throw malformed('a block that does not give back its segments');
}

function isNoise(lane: Uint8Array): boolean {
  if (lane.length < SAMPLE_BYTES) return lane.length === 0;
  const counts = new Uint32Array(256);
  const stride = Math.max(1, Math.floor(lane.length / (SAMPLE_BYTES * 4)));
  let sampled = 0;
  for (let at = 0; at < lane.length; at += stride, sampled++) {
    const value = lane[at] as number;
    counts[value] = (counts[value] as number) + 1;
  }
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / sampled) * Math.log2(count / sampled);
  return bits > NOISE_BITS;
}

/**
 * Unpacks a block. Throws `OPERATION_INVALID` for anything that {@link packBlock} has not written, before it
 * takes more memory than the block's head allows, and that never more than {@link MAX_BLOCK_BYTES} of
 * compressed content.
 */
export function unpackBlock(block: Block): Segment[] {
  const reader = new ByteReader(block.bytes);
  const version = reader.byte();
  if (version !== BLOCK_VERSION) throw malformed(`a block of version ${version}`);
  const count = reader.count('segments', MAX_BLOCK_SEGMENTS);
  const lanes: Uint8Array[] = [];
  let room = MAX_BLOCK_BYTES * 2;
  for (let left = reader.count('lanes', 64, 2); left > 0; left--) {
    const method = reader.byte();
    const length = reader.varint();
    if (method === STORED) {
      lanes.push(reader.raw(length));
      continue;
    }
    room -= length;
    if (method !== DEFLATED || room < 0) throw malformed(`a lane of ${length} bytes, packed by ${method}`);
    lanes.push(inflate(reader.raw(reader.varint()), length));
  }
  if (reader.remaining !== 0) throw malformed('bytes behind a block');
  const segments = joinSegments(lanes, { position: block.position, count });
  const last = segments.at(-1);
  if (last === undefined || last.position + last.span !== block.position + block.span) {
    throw malformed('a block that ends elsewhere');
  }
  return segments;
}

function inflate(bytes: Uint8Array, length: number): Uint8Array {
  let lane: Uint8Array;
  try {
    lane = inflateRawSync(bytes, { maxOutputLength: Math.max(1, length), finishFlush: constants.Z_FINISH });
  } catch {
    throw malformed('a lane that does not unpack to its length');
  }
  if (lane.length !== length) throw malformed(`a lane of ${lane.length} bytes, not ${length}`);
  return lane;
}
