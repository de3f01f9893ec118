import { ByteWriter } from '../../log/bytes/bytes.ts';
import {
  type Change,
  type ChangeContent,
  INCREMENT,
  type Scalar,
  byteString,
  bytesOf,
  namedBy,
} from './change.ts';
import { sha256, sha256InSteps } from '../../log/bytes/sha256.ts';

export const MAGIC: readonly number[] = [0x85, 0x6f, 0x4a, 0x83];
export const CHANGE_CHUNK = 1;
/** Columns of a change's operations, by Automerge's numbers. */
export const KEY = 0x15;
export const INSERT = 0x34;
export const ACTION = 0x42;
export const VALUE_META = 0x56;
export const VALUE = 0x57;
export const BEFORE_COUNT = 0x70;
export const BEFORE_ACTOR = 0x71;
export const BEFORE_COUNTER = 0x73;
/** Types of values, in the low four bits of their meta. */
export const NO_VALUE = 0;
export const FALSE = 1;
export const TRUE = 2;
export const INTEGER = 4;
export const DOUBLE = 5;
export const TEXT = 6;
export const COUNTER = 8;
const HASH_AT = 8;
/** Names of earlier operations, or bytes, that are written in a microsecond on a slow machine. */
const NAMED_PER_UNIT = 8;

type WriteValue<T> = (writer: ByteWriter, value: T) => void;

/** A signed number, 7 bits a byte, least significant first. */
function writeSigned(writer: ByteWriter, value: number): void {
  let rest = value;
  for (;;) {
    const low = ((rest % 0x80) + 0x80) % 0x80;
    rest = (rest - low) / 0x80;
    if ((rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40)) return writer.byte(low);
    writer.byte(low | 0x80);
  }
}

/** Runs of equal values as length and value, other stretches as their negative length and the values. */
function writeRuns<T>(writer: ByteWriter, values: readonly T[], write: WriteValue<T>): void {
  const { length } = values;
  let at = 0;
  while (at < length) {
    let end = at + 1;
    while (end < length && values[end] === values[at]) end++;
    if (end - at > 1) {
      writeSigned(writer, end - at);
      write(writer, values[at] as T);
      at = end;
      continue;
    }
    while (end < length && (end + 1 >= length || values[end] !== values[end + 1])) end++;
    writeSigned(writer, at - end);
    for (; at < end; at++) write(writer, values[at] as T);
  }
}

function writeDeltas(writer: ByteWriter, values: readonly number[]): void {
  let before = 0;
  const deltas = values.map((value) => {
    const delta = value - before;
    before = value;
    return delta;
  });
  writeRuns(writer, deltas, writeSigned);
}

const writeUnsigned: WriteValue<number> = (writer, value) => writer.varint(value);
const writeText: WriteValue<string> = (writer, value) => writer.text(value);

/** Writes a value's bytes and returns its meta: length and type. */
function writeScalar(writer: ByteWriter, scalar: Scalar): number {
  const start = writer.length;
  let type = TEXT;
  if (scalar.type === 'bool') return scalar.value ? TRUE : FALSE;
  if (scalar.type === 'text') {
    writer.textBytes(scalar.value);
  } else if (scalar.type === 'double') {
    type = DOUBLE;
    writer.float64(scalar.value);
  } else {
    type = COUNTER;
    writeSigned(writer, scalar.value);
  }
  return (writer.length - start) * 16 + type;
}

class Columns {
  readonly #scratch = new ByteWriter(1024);
  readonly #ends: number[] = [];
  readonly #names: number[] = [];

  /** Adds a column; an empty one is left out. */
  add(name: number, write: (writer: ByteWriter) => void): void {
    const start = this.#scratch.length;
    write(this.#scratch);
    if (this.#scratch.length === start) return;
    this.#names.push(name);
    this.#ends.push(this.#scratch.length);
  }

  writeTo(writer: ByteWriter): void {
    writer.varint(this.#names.length);
    let start = 0;
    for (const [index, name] of this.#names.entries()) {
      const end = this.#ends[index] as number;
      writer.varint(name);
      writer.varint(end - start);
      start = end;
    }
    writer.raw(this.#scratch.view());
  }
}

/** Others than the author that a change names, in ascending order. */
function actorsIn({ actor, operations }: ChangeContent): string[] {
  const named = new Set<string>();
  for (const { before } of operations) for (const id of before) named.add(id.actor);
  named.delete(actor);
  return [...named].toSorted((one, other) => (one < other ? -1 : 1));
}

function columnsOf(content: ChangeContent, others: readonly string[]): Columns {
  const { operations } = content;
  const columns = new Columns();
  const values = new ByteWriter(256);
  const metas = operations.map(({ action, scalar, by }) => {
    if (scalar !== undefined) return writeScalar(values, scalar);
    if (action !== INCREMENT) return NO_VALUE;
    const start = values.length;
    writeSigned(values, by);
    return (values.length - start) * 16 + INTEGER;
  });
  const before = operations.flatMap((operation) => operation.before);
  const indexes = new Map(others.map((actor, index) => [actor, index + 1]));
  columns.add(KEY, (writer) =>
    writeRuns(
      writer,
      operations.map(({ key }) => key),
      writeText,
    ),
  );
  columns.add(INSERT, (writer) => writer.varint(operations.length));
  columns.add(ACTION, (writer) =>
    writeRuns(
      writer,
      operations.map(({ action }) => action),
      writeUnsigned,
    ),
  );
  columns.add(VALUE_META, (writer) => writeRuns(writer, metas, writeUnsigned));
  columns.add(VALUE, (writer) => writer.raw(values.view()));
  columns.add(BEFORE_COUNT, (writer) =>
    writeRuns(
      writer,
      operations.map((operation) => operation.before.length),
      writeUnsigned,
    ),
  );
  columns.add(BEFORE_ACTOR, (writer) =>
    writeRuns(
      writer,
      before.map(({ actor }) => indexes.get(actor) ?? 0),
      writeUnsigned,
    ),
  );
  columns.add(BEFORE_COUNTER, (writer) =>
    writeDeltas(
      writer,
      before.map(({ counter }) => counter),
    ),
  );
  return columns;
}

/**
 * Encodes a change, byte for byte as Automerge does: equal content gives equal bytes and with them an
 * equal hash, also after the official library took the change apart and put it together again.
 */
export function encodeChange(content: ChangeContent): Change {
  const bytes = chunkOf(content, actorsIn(content));
  return withHash(content, bytes, sha256(bytes, HASH_AT));
}

/** Returns the same in steps, each of which says how many microseconds it took at most. */
export function* encodeInSteps(content: ChangeContent): Generator<number, Change, undefined> {
  const others = actorsIn(content);
  yield 1 + others.length;
  const bytes = chunkOf(content, others);
  yield content.operations.length + Math.ceil((bytes.length + namedBy(content.operations)) / NAMED_PER_UNIT);
  return withHash(content, bytes, yield* sha256InSteps(bytes, HASH_AT));
}

/** Returns the bytes of a change whose checksum is still missing. */
function chunkOf(content: ChangeContent, others: readonly string[]): Uint8Array {
  const { actor, seq, startOp, time, message, deps } = content;
  const body = new ByteWriter(256 + content.operations.length * 24);
  body.varint(deps.length);
  for (const hash of deps) body.raw(bytesOf(hash));
  writeBytes(body, actor);
  body.varint(seq);
  body.varint(startOp);
  writeSigned(body, time);
  body.text(message);
  body.varint(others.length);
  for (const other of others) writeBytes(body, other);
  columnsOf(content, others).writeTo(body);
  const chunk = new ByteWriter(body.length + 16);
  for (const byte of MAGIC) chunk.byte(byte);
  chunk.uint32(0);
  chunk.byte(CHANGE_CHUNK);
  chunk.varint(body.length);
  chunk.raw(body.view());
  return chunk.copy();
}

function withHash(content: ChangeContent, bytes: Uint8Array, hash: Uint8Array): Change {
  bytes.set(hash.subarray(0, 4), MAGIC.length);
  return { ...content, hash: byteString(hash), bytes };
}

function writeBytes(writer: ByteWriter, text: string): void {
  writer.varint(text.length);
  writer.raw(bytesOf(text));
}
