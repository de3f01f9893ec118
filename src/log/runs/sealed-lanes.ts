import type { Segment } from '../backend.ts';
import { ByteReader, ByteWriter, malformed } from '../bytes/bytes.ts';
import { crc32 } from '../bytes/checksum.ts';
import { JoinTape, LANE, SplitTape } from '../bytes/lane-tape.ts';
import { walkRun } from './run-walk.ts';

const OPERATIONS = 1;
const CHECK_BYTES = 4;
/** Numbers the layout of a segment or a run; numbers, because they are stored. */
const WHOLE = 0;
const IN_LANES = 1;

/**
 * Lays segments out so that what is alike stands together: heads, texts, and of numbers first all
 * lowest bytes, then all second ones, and so on. The lanes have as many bytes as the segments, about,
 * and compress much better. What is not understood is kept as it is, so that every segment comes
 * back bit for bit.
 */
export function splitSegments(segments: readonly Segment[]): Uint8Array[] {
  const lanes = Array.from({ length: LANE.count }, () => new ByteWriter(4096));
  const heads = lanes[LANE.heads] as ByteWriter;
  let next = segments[0]?.position ?? 1;
  for (const { position, span, bytes } of segments) {
    heads.varint(position - next);
    heads.varint(span);
    next = position + span;
    const inLanes = attempt(lanes, () => {
      heads.byte(IN_LANES);
      splitOperations(bytes, lanes);
    });
    if (inLanes) continue;
    heads.byte(WHOLE);
    heads.varint(bytes.length);
    (lanes[LANE.rest] as ByteWriter).raw(bytes);
  }
  return lanes.map((lane) => lane.view());
}

/** Takes back what was written when something is not as expected. */
function attempt(lanes: readonly ByteWriter[], write: () => void): boolean {
  const before = lanes.map(({ length }) => length);
  try {
    write();
    return true;
  } catch {
    for (const [index, lane] of lanes.entries()) lane.length = before[index] as number;
    return false;
  }
}

function splitOperations(bytes: Uint8Array, lanes: readonly ByteWriter[]): void {
  const tape = new SplitTape(new ByteReader(bytes), lanes);
  if (tape.from.byte() !== OPERATIONS) throw malformed('a segment without operations');
  passOrder(tape);
  const heads = lanes[LANE.heads] as ByteWriter;
  for (let runs = tape.varint(); runs > 0; runs--) {
    const run = tape.from.raw(tape.from.varint());
    heads.varint(run.length);
    const inLanes = attempt(lanes, () => {
      heads.byte(IN_LANES);
      splitRun(run, lanes);
    });
    if (inLanes) continue;
    heads.byte(WHOLE);
    (lanes[LANE.rest] as ByteWriter).raw(run);
  }
  if (tape.from.remaining !== 0) throw malformed('bytes behind a segment');
}

function splitRun(run: Uint8Array, lanes: readonly ByteWriter[]): void {
  const end = run.length - CHECK_BYTES;
  // The checksum is left out, because it follows from the rest; a run that has another one is kept whole.
  if (end < 0 || new ByteReader(run, end).uint32() !== crc32(run.subarray(0, end))) throw malformed('a run');
  const tape = new SplitTape(new ByteReader(run, 0, end), lanes);
  walkRun(tape);
  if (tape.from.remaining !== 0) throw malformed('bytes behind a run');
}

/** Passes over where the operations of a segment stand. */
function passOrder(tape: SplitTape | JoinTape): void {
  for (let stretches = tape.varint(); stretches > 0; stretches--) {
    tape.varint();
    tape.varint();
  }
}

/**
 * Returns the segments that {@link splitSegments} laid out, of which the first stood at `position`. Throws
 * `OPERATION_INVALID`.
 */
export function joinSegments(
  lanes: readonly Uint8Array[],
  { position, count }: { readonly position: number; readonly count: number },
): Segment[] {
  if (lanes.length !== LANE.count) throw malformed(`${lanes.length} lanes`);
  const readers = lanes.map((lane) => new ByteReader(lane));
  const heads = readers[LANE.heads] as ByteReader;
  const segments: Segment[] = [];
  let next = position;
  for (let index = 0; index < count; index++) {
    const at = next + heads.varint();
    const span = heads.varint();
    next = at + span;
    if (span < 1 || !Number.isSafeInteger(next)) throw malformed(`a segment at ${at} of span ${span}`);
    const layout = heads.byte();
    if (layout > IN_LANES) throw malformed(`a segment in layout ${layout}`);
    const bytes = layout === WHOLE ? joinWhole(readers) : joinOperations(readers);
    segments.push({ position: at, span, bytes });
  }
  for (const reader of readers) if (reader.remaining !== 0) throw malformed('bytes behind the last segment');
  return segments;
}

function joinWhole(lanes: readonly ByteReader[]): Uint8Array {
  return (lanes[LANE.rest] as ByteReader).raw((lanes[LANE.heads] as ByteReader).varint()).slice();
}

function joinOperations(lanes: readonly ByteReader[]): Uint8Array {
  const out = new ByteWriter(4096);
  const tape = new JoinTape(lanes, out);
  out.byte(OPERATIONS);
  passOrder(tape);
  for (let runs = tape.varint(); runs > 0; runs--) {
    const length = tape.varint();
    const start = out.length;
    const layout = tape.heads.byte();
    if (layout === WHOLE) {
      tape.lane(LANE.rest, length);
    } else {
      walkRun(tape);
      out.uint32(crc32(out.view(start)));
    }
    if (out.length - start !== length) throw malformed(`a run of ${out.length - start} bytes, not ${length}`);
  }
  return out.copy();
}
