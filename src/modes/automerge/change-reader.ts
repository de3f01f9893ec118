import { ByteReader, malformed } from '../../log/bytes/bytes.ts';
import {
  type Change,
  type ChangeContent,
  type ChangeOperation,
  DELETE,
  INCREMENT,
  MAX_ACTOR_BYTES,
  MAX_CHANGE_BYTES,
  MAX_CHANGE_NAMED,
  MAX_CHANGE_OPERATIONS,
  MAX_COUNTER,
  MAX_NAMED,
  type OperationId,
  PUT,
  type Scalar,
  byteString,
  namedBy,
} from './change.ts';
import {
  ACTION,
  BEFORE_ACTOR,
  BEFORE_COUNT,
  BEFORE_COUNTER,
  CHANGE_CHUNK,
  COUNTER,
  DOUBLE,
  FALSE,
  INSERT,
  INTEGER,
  KEY,
  MAGIC,
  NO_VALUE,
  TEXT,
  TRUE,
  VALUE,
  VALUE_META,
  encodeChange,
  encodeInSteps,
} from './change-writer.ts';

/** Most changes that one change may follow. */
const MAX_DEPS = 16_384;
const MAX_MESSAGE_BYTES = 64;
const HASH_BYTES = 32;
/** Names of earlier operations, or bytes, that are read in a microsecond on a slow machine. */
const NAMED_PER_UNIT = 8;
/** Longest text in a change, in bytes: keys and values are refused at the write beyond it. */
const MAX_TEXT_BYTES: number = 3 * 1024 * 1024;
const KNOWN: readonly number[] = [
  KEY,
  INSERT,
  ACTION,
  VALUE_META,
  VALUE,
  BEFORE_COUNT,
  BEFORE_ACTOR,
  BEFORE_COUNTER,
];

type ReadValue<T> = (reader: ByteReader) => T;

/** Returns a signed number, at most 8 bytes long. */
function readSigned(reader: ByteReader): number {
  let value = 0;
  let scale = 1;
  for (let index = 0; index < 8; index++, scale *= 0x80) {
    const byte = reader.byte();
    if (byte >= 0x80) {
      value += (byte & 0x7f) * scale;
      continue;
    }
    const signed = value + (byte >= 0x40 ? byte - 0x80 : byte) * scale;
    if (Number.isSafeInteger(signed)) return signed;
    break;
  }
  throw malformed('a number beyond 2^53 in a change');
}

/** Unpacks a column that must have exactly `count` values, none of them absent; never makes more. */
function readRuns<T>(reader: ByteReader, count: number, read: ReadValue<T>): T[] {
  const values: T[] = [];
  while (reader.remaining > 0) {
    const length = readSigned(reader);
    if (length === 0 || Math.abs(length) > count - values.length)
      throw malformed(`a change with a column of more than ${count} values`);
    if (length > 0) {
      const value = read(reader);
      for (let index = 0; index < length; index++) values.push(value);
    } else {
      for (let index = 0; index < -length; index++) values.push(read(reader));
    }
  }
  if (values.length !== count) throw malformed(`a change with ${values.length} values instead of ${count}`);
  return values;
}

/** Counts the values of a column by the lengths of its runs, without unpacking it. */
function countRuns(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes);
  let count = 0;
  while (reader.remaining > 0 && count <= MAX_CHANGE_OPERATIONS) {
    const length = readSigned(reader);
    if (length === 0) throw malformed('a change with operations that do nothing');
    count += Math.abs(length);
    for (let index = 0; index < Math.max(1, -length); index++) reader.varint();
  }
  return count;
}

function readDeltas(reader: ByteReader, count: number): number[] {
  let value = 0;
  return readRuns(reader, count, readSigned).map((delta) => (value += delta));
}

const readUnsigned: ReadValue<number> = (reader) => reader.varint();
const readText: ReadValue<string> = (reader) => reader.text(MAX_TEXT_BYTES);

function readBytes(reader: ByteReader): string {
  const length = reader.count('bytes of an actor', MAX_ACTOR_BYTES);
  return byteString(reader.raw(length));
}

function readColumns(reader: ByteReader): Map<number, Uint8Array> {
  const count = reader.count('columns', KNOWN.length, 2);
  const lengths: [name: number, length: number][] = [];
  for (let index = 0; index < count; index++) lengths.push([reader.varint(), reader.varint()]);
  const columns = new Map<number, Uint8Array>();
  for (const [name, length] of lengths) {
    // Compressed columns, and those of lists, marks and nested objects, are not among them.
    if (!KNOWN.includes(name)) throw malformed(`a change with a column of kind ${name}`);
    columns.set(name, reader.raw(length));
  }
  if (reader.remaining !== 0) throw malformed(`${reader.remaining} bytes behind a change`);
  return columns;
}

/** Reads one value; increments come as their number. */
function readValue(reader: ByteReader, meta: number): Scalar | number | undefined {
  const length = Math.floor(meta / 16);
  const type = meta % 16;
  const part = new ByteReader(reader.raw(length));
  let value: Scalar | number | undefined;
  if (type === NO_VALUE) value = undefined;
  else if (type === TRUE || type === FALSE) value = { type: 'bool', value: type === TRUE };
  else if (type === TEXT) value = { type: 'text', value: part.textBytes(length) };
  else if (type === DOUBLE) value = { type: 'double', value: part.float64() };
  else if (type === COUNTER) value = { type: 'counter', value: readSigned(part) };
  else if (type === INTEGER) value = readSigned(part);
  else throw malformed(`a change with a value of type ${type}`);
  if (part.remaining !== 0) throw malformed('a change with a value longer than it says');
  return value;
}

function operationOf(
  action: number,
  key: string,
  value: Scalar | number | undefined,
  before: readonly OperationId[],
): ChangeOperation {
  if (action === PUT && typeof value === 'object') return { action, key, scalar: value, by: 0, before };
  if (action === DELETE && value === undefined) return { action, key, scalar: undefined, by: 0, before };
  if (action === INCREMENT && typeof value === 'number')
    return { action, key, scalar: undefined, by: value, before };
  throw malformed(`a change with an operation of kind ${action}`);
}

function readOperations(
  columns: ReadonlyMap<number, Uint8Array>,
  actors: readonly string[],
): ChangeOperation[] {
  const column = (name: number): ByteReader => new ByteReader(columns.get(name) ?? new Uint8Array());
  const count = countRuns(columns.get(ACTION) ?? new Uint8Array());
  if (count < 1 || count > MAX_CHANGE_OPERATIONS) throw malformed('a change of no or too many operations');
  const actions = readRuns(column(ACTION), count, readUnsigned);
  const keys = readRuns(column(KEY), count, readText);
  const metas = readRuns(column(VALUE_META), count, readUnsigned);
  const counts = readRuns(column(BEFORE_COUNT), count, readUnsigned);
  const named = counts.reduce((sum, some) => sum + some, 0);
  if (named > MAX_CHANGE_NAMED || counts.some((some) => some > MAX_NAMED))
    throw malformed(`a change that names ${named} operations`);
  const beforeActors = readRuns(column(BEFORE_ACTOR), named, readUnsigned);
  const beforeCounters = readDeltas(column(BEFORE_COUNTER), named);
  const values = column(VALUE);
  let at = 0;
  const operations = actions.map((action, index) => {
    const before: OperationId[] = [];
    for (let rest = counts[index] as number; rest > 0; rest--, at++) {
      const actor = actors[beforeActors[at] as number];
      const counter = beforeCounters[at] as number;
      if (actor === undefined || counter < 1 || counter > MAX_COUNTER)
        throw malformed('an operation number in a change');
      before.push({ counter, actor });
    }
    return operationOf(action, keys[index] as string, readValue(values, metas[index] as number), before);
  });
  if (values.remaining !== 0) throw malformed('a change with values of no operation');
  return operations;
}

/**
 * Reads a change from elsewhere: nothing but puts, deletions and increments of scalars in the root
 * map, at most {@link MAX_CHANGE_OPERATIONS} by their run lengths, which are summed up before any is
 * unpacked. Documents, bundles and compressed changes are refused, and so is whatever Automerge would
 * have written in other bytes. Throws `OPERATION_INVALID`.
 */
export function readChange(bytes: Uint8Array): Change {
  const reading = contentOf(bytes);
  for (;;) {
    const { done, value } = reading.next();
    if (done === true) return requireSame(encodeChange(value), bytes);
  }
}

/**
 * Returns the same in steps, each of which says how many microseconds it took at most. Throws
 * `OPERATION_INVALID`.
 */
export function* readInSteps(bytes: Uint8Array): Generator<number, Change, undefined> {
  return requireSame(yield* encodeInSteps(yield* contentOf(bytes)), bytes);
}

function* contentOf(bytes: Uint8Array): Generator<number, ChangeContent, undefined> {
  if (bytes.length > MAX_CHANGE_BYTES) throw malformed(`a change of ${bytes.length} bytes`);
  const reader = new ByteReader(bytes);
  for (const byte of MAGIC)
    if (reader.byte() !== byte) throw malformed('a change that does not begin like one');
  reader.uint32();
  const kind = reader.byte();
  if (kind !== CHANGE_CHUNK)
    throw malformed(`an Automerge chunk of kind ${kind} where only changes are taken`);
  if (reader.varint() !== reader.remaining) throw malformed('a change of another length than it says');
  const deps: string[] = [];
  const depCount = reader.count('changes followed', MAX_DEPS, HASH_BYTES);
  for (let index = 0; index < depCount; index++) deps.push(byteString(reader.raw(HASH_BYTES)));
  yield 1 + depCount;
  const actor = readBytes(reader);
  const seq = reader.varint();
  const startOp = reader.varint();
  const time = readSigned(reader);
  const message = reader.text(MAX_MESSAGE_BYTES);
  if (startOp < 1 || startOp > MAX_COUNTER || seq < 1 || actor.length === 0)
    throw malformed(`a change numbered ${seq} from ${startOp}`);
  const others: string[] = [];
  const otherCount = reader.count('actors', MAX_CHANGE_NAMED, 2);
  for (let index = 0; index < otherCount; index++) others.push(readBytes(reader));
  yield 1 + otherCount;
  const operations = readOperations(readColumns(reader), [actor, ...others]);
  yield 8 + operations.length + Math.ceil((bytes.length + namedBy(operations)) / NAMED_PER_UNIT);
  return { actor, seq, startOp, time, message, deps, operations };
}

function requireSame(change: Change, bytes: Uint8Array): Change {
  if (!sameBytes(change.bytes, bytes)) throw malformed('a change that Automerge writes otherwise');
  return change;
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
