import { malformed } from '../bytes/bytes.ts';
import { LANE, type Tape } from '../bytes/lane-tape.ts';
import { EXPIRE, SET } from '../operations/operation.ts';

/** The layout of runs this walk knows, as of docs/protocol.md; runs of another one are kept whole. */
const RUN_VERSION = 1;
const HAS_KINDS = 1;
const HAS_TIMES = 2;
const HAS_EPOCH = 4;
const MAX_RUN_OPERATIONS = 4096;
const MAX_NAMED = 65_536;

const NONE = 0;
const FLOAT64 = 1;
const UNSIGNED = 2;
const INT64 = 4;
const UINT64 = 5;
const TEXT = 6;
const BOOL = 7;

/**
 * Walks over a run without its checksum, sending its columns to their lanes. Throws `OPERATION_INVALID`
 * for a layout it does not know; the same bytes always take the same way.
 */
export function walkRun(tape: Tape): void {
  if (tape.byte() !== RUN_VERSION) throw malformed('a run of another version');
  const flags = tape.byte();
  if (flags > (HAS_KINDS | HAS_TIMES | HAS_EPOCH)) throw malformed(`flags ${flags}`);
  passText(tape);
  passText(tape);
  tape.pass(4);
  tape.varint();
  const count = tape.varint();
  if (count < 1 || count > MAX_RUN_OPERATIONS) throw malformed(`a run of ${count} operations`);
  if ((flags & HAS_EPOCH) !== 0) {
    tape.varint();
    passText(tape);
    tape.byte();
  }
  walkDictionary(tape);
  tape.pass(8);
  if ((flags & HAS_TIMES) !== 0) for (let at = 0; at < count;) at += walkTimes(tape);
  const { sets, expires } = (flags & HAS_KINDS) === 0 ? { sets: count, expires: 0 } : walkKinds(tape, count);
  walkPlanes(tape, LANE.keys, count);
  walkValues(tape, sets);
  for (let index = 0; index < expires * 2; index++) tape.varint();
}

function passText(tape: Tape): void {
  tape.pass(tape.varint());
}

function walkDictionary(tape: Tape): void {
  tape.varint();
  tape.varint();
  tape.varint();
  for (let origins = few(tape.varint()); origins > 0; origins--) passText(tape);
  for (let entries = few(tape.varint()); entries > 0; entries--) {
    tape.varint();
    tape.varint();
  }
  const keys = few(tape.varint());
  if (keys > 0) walkTexts(tape, keys);
}

function few(count: number): number {
  if (count > MAX_NAMED) throw malformed(`${count} entries`);
  return count;
}

/** Reads how many operations share the next time. */
function walkTimes(tape: Tape): number {
  const length = tape.varint();
  tape.varint();
  if (length < 1) throw malformed('times');
  return length;
}

function walkKinds(tape: Tape, count: number): { sets: number; expires: number } {
  let sets = 0;
  let expires = 0;
  for (let at = 0; at < count;) {
    const kind = tape.byte();
    const length = tape.varint();
    if (length < 1 || length > count - at) throw malformed('kinds');
    if (kind === SET) sets += length;
    else if (kind === EXPIRE) expires += length;
    at += length;
  }
  return { sets, expires };
}

function walkPlanes(tape: Tape, lane: number, count: number): void {
  const width = tape.byte();
  if (width < 1 || width > 4) throw malformed(`integers of ${width} bytes`);
  tape.planes(lane, count, width);
}

function walkValues(tape: Tape, count: number): void {
  const layout = tape.byte();
  switch (layout) {
    case NONE:
      return;
    case FLOAT64:
    case INT64:
    case UINT64:
      return tape.planes(LANE.wide, count, 8);
    case UNSIGNED:
      return walkPlanes(tape, LANE.narrow, count);
    case TEXT:
      return walkTexts(tape, count);
    case BOOL:
      return tape.lane(LANE.rest, count);
    default:
      throw malformed(`values in layout ${layout}`);
  }
}

function walkTexts(tape: Tape, count: number): void {
  tape.byte();
  const width = tape.byte();
  if (width === 0) return tape.lane(LANE.texts, tape.varint() * count);
  if (width > 4) throw malformed(`lengths of ${width} bytes`);
  let total = 0;
  for (let index = 0; index < count; index++) {
    let length = 0;
    for (let at = 0, scale = 1; at < width; at++, scale *= 256) length += tape.byte() * scale;
    total += length;
  }
  tape.lane(LANE.texts, total);
}
