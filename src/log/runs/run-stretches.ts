import { type ByteReader, type ByteWriter, malformed } from '../bytes/bytes.ts';
import { EXPIRE, KIND_COUNT, TOUCH } from '../operations/operation.ts';

/** Writes the times of a run as stretches of equal ones: how many, and how much later than those before. */
export function writeTimes(writer: ByteWriter, stamps: Float64Array, count: number): void {
  let at = 0;
  let before = stamps[0] as number;
  while (at < count) {
    const stamp = stamps[at] as number;
    let end = at + 1;
    while (end < count && stamps[end] === stamp) end++;
    writer.varint(end - at);
    writer.varint(stamp - before);
    before = stamp;
    at = end;
  }
}

/** Writes the kinds of the operations of a run as stretches of equal ones. */
export function writeKinds(writer: ByteWriter, kinds: Uint8Array, count: number): void {
  let at = 0;
  while (at < count) {
    const kind = kinds[at] as number;
    let end = at + 1;
    while (end < count && kinds[end] === kind) end++;
    writer.byte(kind === TOUCH ? EXPIRE : kind);
    writer.varint(end - at);
    at = end;
  }
}

/** Makes touches of the expiries that name no write; `expired` has two numbers for each. */
export function markTouches(kinds: Uint8Array, expired: readonly number[]): void {
  let at = 1;
  for (let index = 0; index < kinds.length; index++) {
    if (kinds[index] !== EXPIRE) continue;
    if (expired[at] === 0) kinds[index] = TOUCH;
    at += 2;
  }
}

/** Reads what {@link writeTimes} wrote. Throws `OPERATION_INVALID`. */
export function readTimes(reader: ByteReader, firstStamp: number, count: number): Float64Array {
  const stamps = new Float64Array(count);
  let stamp = firstStamp;
  for (let at = 0; at < count;) {
    const length = reader.varint();
    stamp += reader.varint();
    if (length < 1 || length > count - at || !Number.isSafeInteger(stamp)) throw malformed('times');
    stamps.fill(stamp, at, at + length);
    at += length;
  }
  return stamps;
}

/** Reads what {@link writeKinds} wrote. Throws `OPERATION_INVALID`. */
export function readKinds(reader: ByteReader, count: number): Uint8Array {
  const kinds = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const kind = reader.byte();
    const length = reader.varint();
    if (kind >= KIND_COUNT || length < 1 || length > count - at) throw malformed(`kind ${kind}`);
    kinds.fill(kind, at, at + length);
    at += length;
  }
  return kinds;
}
