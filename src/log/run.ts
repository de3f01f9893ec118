import { ByteReader, ByteWriter, malformed, widthOf } from './bytes.ts';
import { crc32 } from './checksum.ts';
import {
  type Cell,
  type Column,
  type ColumnType,
  readColumn,
  readTexts,
  writeCells,
  writeNumbers,
  writeTexts,
} from './column.ts';
import { type Epoch, readEpoch, writeEpoch } from './epoch.ts';
import { EXPIRE, KIND_COUNT, SET } from './operation.ts';
import { MAX_ORIGIN_BYTES } from './origin.ts';

/** The version of the layout below; a reader refuses any other. docs/protocol.md describes it. */
const RUN_VERSION = 1;
const HAS_KINDS = 1;
const HAS_TIMES = 2;
const HAS_EPOCH = 4;
const CHECK_BYTES = 4;

/** Most operations in one run. */
const MAX_RUN_OPERATIONS = 4096;
/** A run whose keys and values have more characters than this is closed; one entry may go beyond. */
const MAX_RUN_CHARACTERS = 512 * 1024;
/** Longest table name, in bytes. */
export const MAX_TABLE_NAME_BYTES = 128;
/** Most entries in the context of one run. */
const MAX_CONTEXT = 65_536;

/** What identifies a run; readable without the dictionary of its origin. */
export interface RunHeader {
  readonly table: string;
  readonly origin: string;
  /** Drawn anew each time the origin's node opens: two contents under one name can be told apart. */
  readonly session: number;
  readonly firstSequence: number;
  readonly count: number;
  /** The switch of mode its author had made or heard of last; undefined before any. */
  readonly epoch: Epoch | undefined;
}

/** What the author had seen when the run began, as far as it changed since the run before. */
export interface ContextEntry {
  /** Index in the author's dictionary of origins. */
  readonly origin: number;
  readonly sequence: number;
}

/** Where a run stands in its origin's dictionaries. */
export interface DictionaryState {
  readonly chapter: number;
  readonly keys: number;
  readonly origins: number;
}

/**
 * Collects consecutive operations of one table by this node, and encodes them once: the same
 * bytes are committed, sent, relayed and replayed.
 */
export class RunWriter {
  readonly #ids = new Uint32Array(MAX_RUN_OPERATIONS);
  readonly #numbers: Float64Array | undefined;
  #cells: Cell[] = [];
  #values = 0;
  #wide = false;
  #kinds: Uint8Array | undefined;
  #stamps: Float64Array | undefined;
  #firstStamp = 0;
  #lastStamp = 0;
  #largestId = 0;
  #newKeys: string[] = [];
  #newOrigins: string[] = [];
  #expired: number[] = [];
  #context: readonly ContextEntry[] = [];
  #state: DictionaryState = { chapter: 0, keys: 0, origins: 0 };
  /** Characters of its keys and values, for judging its size. */
  characters = 0;
  count = 0;
  firstSequence = 0;
  /** The switch of mode under which it is written; undefined before any. */
  epoch: Epoch | undefined;

  constructor(column: ColumnType) {
    this.#numbers =
      column === 'double' || column === 'integer' ? new Float64Array(MAX_RUN_OPERATIONS) : undefined;
  }

  begin(firstSequence: number, state: DictionaryState, context: readonly ContextEntry[]): void {
    this.count = 0;
    this.characters = 0;
    this.firstSequence = firstSequence;
    this.#state = state;
    this.#context = context;
    this.#values = 0;
    this.#wide = false;
    this.#cells = [];
    this.#kinds = undefined;
    this.#stamps = undefined;
    this.#largestId = 0;
    this.#newKeys = [];
    this.#newOrigins = [];
    this.#expired = [];
  }

  /** A key that enters the dictionary with this run; its index is the dictionary's size. */
  addKey(text: string): void {
    this.#newKeys.push(text);
    this.characters += text.length;
  }

  addOrigin(text: string): void {
    this.#newOrigins.push(text);
  }

  addSet(id: number, cell: Cell | undefined, stamp: number): void {
    this.#entry(SET, id, stamp);
    if (this.#numbers !== undefined && !this.#wide) {
      if (typeof cell === 'number') {
        this.#numbers[this.#values++] = cell;
        return;
      }
      this.#cells = Array.from(this.#numbers.subarray(0, this.#values));
      this.#wide = true;
    }
    if (cell !== undefined) {
      if (typeof cell === 'string') this.characters += cell.length;
      this.#cells.push(cell);
      this.#values++;
    }
  }

  /** A `delete`, or with id 0 a `clear`. */
  addRemoval(kind: number, id: number, stamp: number): void {
    this.#entry(kind, id, stamp);
  }

  /** An `expire` of the write (origin, sequence), the origin by its index in the author's dictionary. */
  addExpire(id: number, write: ContextEntry, stamp: number): void {
    this.#entry(EXPIRE, id, stamp);
    this.#expired.push(write.origin, write.sequence);
  }

  #entry(kind: number, id: number, stamp: number): void {
    const at = this.count++;
    this.#ids[at] = id;
    if (id > this.#largestId) this.#largestId = id;
    if (at === 0) {
      this.#firstStamp = stamp;
      this.#lastStamp = stamp;
    } else if (stamp !== this.#lastStamp || this.#stamps !== undefined) {
      this.#stamps ??= new Float64Array(MAX_RUN_OPERATIONS).fill(this.#lastStamp, 0, at);
      this.#lastStamp = stamp;
    }
    if (this.#stamps !== undefined) this.#stamps[at] = stamp;
    if (kind !== SET || this.#kinds !== undefined) {
      this.#kinds ??= new Uint8Array(MAX_RUN_OPERATIONS);
      this.#kinds[at] = kind;
    }
  }

  encode(table: string, origin: string, session: number): Uint8Array {
    const writer = new ByteWriter(64 + this.count * 12);
    writer.byte(RUN_VERSION);
    const { epoch } = this;
    const flags = (this.#kinds === undefined ? 0 : HAS_KINDS) | (this.#stamps === undefined ? 0 : HAS_TIMES);
    writer.byte(epoch === undefined ? flags : flags | HAS_EPOCH);
    writer.text(table);
    writer.text(origin);
    writer.uint32(session);
    writer.varint(this.firstSequence);
    writer.varint(this.count);
    if (epoch !== undefined) writeEpoch(writer, epoch);
    this.#encodeDictionary(writer);
    writer.float64(this.#firstStamp);
    if (this.#stamps !== undefined) writeTimes(writer, this.#stamps, this.count);
    if (this.#kinds !== undefined) writeKinds(writer, this.#kinds, this.count);
    const width = widthOf(this.#largestId);
    writer.byte(width);
    writer.fixedWidth(this.#ids, this.count, width);
    if (this.#numbers === undefined || this.#wide || this.#values === 0)
      writeCells(writer, this.#cells, this.#values);
    else writeNumbers(writer, this.#numbers, this.#values);
    for (const part of this.#expired) writer.varint(part);
    writer.uint32(crc32(writer.view()));
    return writer.copy();
  }

  #encodeDictionary(writer: ByteWriter): void {
    writer.varint(this.#state.chapter);
    writer.varint(this.#state.keys);
    writer.varint(this.#state.origins);
    writer.varint(this.#newOrigins.length);
    for (const origin of this.#newOrigins) writer.text(origin);
    writer.varint(this.#context.length);
    for (const entry of this.#context) {
      writer.varint(entry.origin);
      writer.varint(entry.sequence);
    }
    writer.varint(this.#newKeys.length);
    if (this.#newKeys.length > 0) writeTexts(writer, this.#newKeys, this.#newKeys.length);
  }

  /** Whether no further operation belongs into this run. */
  get full(): boolean {
    return this.count >= MAX_RUN_OPERATIONS || this.characters >= MAX_RUN_CHARACTERS;
  }
}

function writeTimes(writer: ByteWriter, stamps: Float64Array, count: number): void {
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

function writeKinds(writer: ByteWriter, kinds: Uint8Array, count: number): void {
  let at = 0;
  while (at < count) {
    const kind = kinds[at] as number;
    let end = at + 1;
    while (end < count && kinds[end] === kind) end++;
    writer.byte(kind);
    writer.varint(end - at);
    at = end;
  }
}

/** A run with its columns unpacked; ids and origins still refer to the author's dictionaries. */
export interface DecodedRun extends RunHeader {
  readonly state: DictionaryState;
  readonly newOrigins: readonly string[];
  readonly context: readonly ContextEntry[];
  readonly newKeys: readonly string[];
  readonly firstStamp: number;
  /** Undefined when all operations carry `firstStamp`. */
  readonly stamps: Float64Array | undefined;
  /** Undefined when all operations are `set`. */
  readonly kinds: Uint8Array | undefined;
  readonly ids: Uint32Array;
  /** One cell per `set`, in order. */
  readonly values: Column;
  /** Two numbers per `expire`: origin (author's dictionary) and sequence of the write it names. */
  readonly expired: readonly number[];
}

/** Checks the checksum and reads what identifies a run. Throws `OPERATION_INVALID`. */
export function readRunHeader(bytes: Uint8Array): RunHeader {
  return openRun(bytes).header;
}

function openRun(bytes: Uint8Array): { header: RunHeader; reader: ByteReader; flags: number } {
  const end = bytes.length - CHECK_BYTES;
  if (end < 16) throw malformed(`a run of ${bytes.length} bytes`);
  const check = new ByteReader(bytes, end).uint32();
  if (crc32(bytes.subarray(0, end)) !== check) throw malformed('a run whose checksum does not match');
  const reader = new ByteReader(bytes, 0, end);
  const version = reader.byte();
  if (version !== RUN_VERSION)
    throw malformed(`a run of version ${version}, this program reads ${RUN_VERSION}`);
  const flags = reader.byte();
  if (flags > (HAS_KINDS | HAS_TIMES | HAS_EPOCH)) throw malformed(`a run with flags ${flags}`);
  const table = reader.text(MAX_TABLE_NAME_BYTES);
  const origin = reader.text(MAX_ORIGIN_BYTES);
  const session = reader.uint32();
  const firstSequence = reader.varint();
  const count = reader.varint();
  if (count < 1 || count > MAX_RUN_OPERATIONS) throw malformed(`a run of ${count} operations`);
  if (firstSequence < 1 || !Number.isSafeInteger(firstSequence + count))
    throw malformed(`sequence ${firstSequence}`);
  const epoch = (flags & HAS_EPOCH) === 0 ? undefined : readEpoch(reader);
  return { header: { table, origin, session, firstSequence, count, epoch }, reader, flags };
}

/** Unpacks a run of a table whose values travel as `type`. Throws `OPERATION_INVALID`. */
export function decodeRun(bytes: Uint8Array, type: ColumnType): DecodedRun {
  const { header, reader, flags } = openRun(bytes);
  const dictionary = readDictionary(reader);
  const firstStamp = reader.float64();
  if (!(firstStamp >= 0 && Number.isSafeInteger(firstStamp))) throw malformed(`a time of ${firstStamp}`);
  const stamps = (flags & HAS_TIMES) === 0 ? undefined : readTimes(reader, firstStamp, header.count);
  const kinds = (flags & HAS_KINDS) === 0 ? undefined : readKinds(reader, header.count);
  const ids = reader.fixedWidth(header.count, reader.byte());
  const tally = countKinds(kinds, header.count);
  const values = readColumn(reader, type === 'none' ? 0 : tally.sets, type);
  const expired: number[] = [];
  for (let index = 0; index < tally.expires * 2; index++) expired.push(reader.varint());
  if (reader.remaining !== 0) throw malformed(`${reader.remaining} bytes behind a run`);
  return { ...header, ...dictionary, firstStamp, stamps, kinds, ids, values, expired };
}

function readDictionary(
  reader: ByteReader,
): Pick<DecodedRun, 'state' | 'newOrigins' | 'context' | 'newKeys'> {
  const state = { chapter: reader.varint(), keys: reader.varint(), origins: reader.varint() };
  const newOrigins: string[] = [];
  const originCount = reader.count('new origins', MAX_CONTEXT, 2);
  for (let index = 0; index < originCount; index++) newOrigins.push(reader.text(MAX_ORIGIN_BYTES));
  const context: ContextEntry[] = [];
  const contextCount = reader.count('context entries', MAX_CONTEXT, 2);
  for (let index = 0; index < contextCount; index++) {
    context.push({ origin: reader.varint(), sequence: reader.varint() });
  }
  const keyCount = reader.count('new keys', MAX_RUN_OPERATIONS);
  const newKeys = keyCount === 0 ? [] : readTexts(reader, keyCount);
  return { state, newOrigins, context, newKeys };
}

function readTimes(reader: ByteReader, firstStamp: number, count: number): Float64Array {
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

function readKinds(reader: ByteReader, count: number): Uint8Array {
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

function countKinds(kinds: Uint8Array | undefined, count: number): { sets: number; expires: number } {
  if (kinds === undefined) return { sets: count, expires: 0 };
  let sets = 0;
  let expires = 0;
  for (let index = 0; index < count; index++) {
    if (kinds[index] === SET) sets++;
    else if (kinds[index] === EXPIRE) expires++;
  }
  return { sets, expires };
}
