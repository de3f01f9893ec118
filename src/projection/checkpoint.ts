import { ByteReader, ByteWriter, malformed, widthOf } from '../log/bytes.ts';
import { type Cell, readColumn, readTexts, writeCells, writeNumbers, writeTexts } from '../log/column.ts';
import { MAX_DICTIONARY_KEYS } from '../log/dictionary.ts';
import { MAX_ORIGIN_BYTES, type Origins, checkOrigin } from '../log/origin.ts';
import { type Work, allAtOnce } from '../work/slices.ts';
import type { OwnEffect } from '../modes/conflict-mode.ts';
import type { Schema, Value } from '../schema/index.ts';
import {
  type CheckpointHeader,
  type HeaderSource,
  encodeHeader,
  isCount,
  readHeader,
  takeHeader,
} from './checkpoint-header.ts';
import { valuesOfCells } from './preparation.ts';
import type { Projection } from './projection.ts';

const ROWS = 1;
const REMOVED = 2;
const DICTIONARY = 3;
/** Changes of the document behind the table; 4 is a piece of the header. */
const DOCUMENT = 5;
/** What the node that wrote the checkpoint remembers of its own; means nothing to others. */
const PAST = 6;
/** Rows or dictionary entries per chunk. */
const ENTRIES_PER_CHUNK = 4096;
/** Entries per chunk of a dictionary, each a key of up to 1 KiB: a chunk must fit into a frame. */
const DICTIONARY_ENTRIES_PER_CHUNK = 2048;
/** A chunk whose texts have more characters than this is closed early. */
const CHARACTERS_PER_CHUNK = 256 * 1024;

/** Entries of a chunk that are read or checked in one step of work. */
const ENTRIES_PER_STEP = 256;
/** Bytes of a chunk that are read in a unit of work. */
const BYTES_PER_UNIT = 256;

/** Rows, or remembered removals, of one chunk. */
export interface CheckpointRows {
  readonly removed: boolean;
  readonly texts: readonly string[];
  readonly cells: ArrayLike<Cell>;
  /** What the cells say, where that was found out when they were checked. */
  readonly values?: readonly Value[] | undefined;
  readonly origins: readonly string[];
  readonly originOf: Uint32Array;
  readonly sequences: ArrayLike<number>;
  readonly stamps: ArrayLike<number>;
  readonly created: ArrayLike<number>;
}

/** Chunks are put together here: see the one of runs. */
const scratch = new ByteWriter(64 * 1024);

/** A table, as far as its checkpoints say it. */
export type CheckpointSource = HeaderSource &
  Pick<Projection, 'rows' | 'mode' | 'dictionaries' | 'documents' | 'past'>;

/** Which slots go into a checkpoint. */
export interface CheckpointPart {
  readonly rows: Iterable<number>;
  /** Keys without a row whose removal is worth remembering. */
  readonly removed: Iterable<number>;
}

/** Every row, and the removals that the table's mode compares with. */
function wholeTable({ rows, mode }: CheckpointSource): CheckpointPart {
  return { rows: rows.live(), removed: mode.comparesVersions ? rows.removals() : [] };
}

/**
 * Encodes a table in chunks, header first. The table may change between two chunks: rows are then
 * newer than the header's vector, which later operations make good, because each row says which
 * operation wrote it.
 */
export function* checkpointChunks(
  projection: CheckpointSource,
  origins: Origins,
  part: CheckpointPart = wholeTable(projection),
): Generator<Uint8Array, void, undefined> {
  const dictionaries = Array.from(projection.dictionaries, ([origin, dictionary]) => ({
    origin: origins.at(origin).text,
    chapter: dictionary.chapter,
    origins: dictionary.origins.map((index) => origins.at(index).text),
    slots: dictionary.slots(),
  }));
  yield* encodeHeader(projection, origins, dictionaries);
  const indexes = new RowIndexes(projection.rows.slots);
  yield* rowChunks(projection, origins, { kind: ROWS, slots: part.rows, indexes });
  yield* rowChunks(projection, origins, { kind: REMOVED, slots: part.removed, indexes });
  for (const [number, { slots }] of dictionaries.entries()) {
    for (let at = 0; at < slots.length; at += DICTIONARY_ENTRIES_PER_CHUNK) {
      const entries = slots.subarray(at, at + DICTIONARY_ENTRIES_PER_CHUNK);
      yield encodeDictionary(projection, number, entries, indexes);
    }
  }
  yield* documentChunks(projection);
  yield* pastChunks(projection);
}

function* pastChunks({ past }: CheckpointSource): Generator<Uint8Array, void, undefined> {
  const effects = [...past.effects];
  const copies = [...past.copies];
  for (let at = 0; at < Math.max(effects.length, copies.length); at += ENTRIES_PER_CHUNK) {
    const to = at + ENTRIES_PER_CHUNK;
    yield encodePast({ effects: effects.slice(at, to), copies: copies.slice(at, to) });
  }
}

/** The document last: it is then never behind the rows, and what it says of them stands. */
function* documentChunks({ documents }: CheckpointSource): Generator<Uint8Array, void, undefined> {
  for (const bytes of documents?.document.chunks() ?? []) {
    const chunk = new Uint8Array(bytes.length + 1).fill(DOCUMENT, 0, 1);
    chunk.set(bytes, 1);
    yield chunk;
  }
}

/** Rows alone, in chunks that {@link decodeRows} reads. */
export function rowsOfSlots(
  projection: CheckpointSource,
  origins: Origins,
  slots: Iterable<number>,
): Generator<Uint8Array, void, undefined> {
  return rowChunks(projection, origins, { kind: ROWS, slots, indexes: new RowIndexes(0) });
}

/** Unpacks and checks a chunk of rows from a peer. Throws `OPERATION_INVALID`. */
export function* decodeRows(chunk: Uint8Array, schema: Schema): Work<CheckpointRows> {
  const reader = new ByteReader(chunk);
  const kind = reader.byte();
  if (kind !== ROWS) throw malformed(`a chunk of kind ${kind}`);
  const rows = readRows(reader, kind, schema);
  yield 1 + Math.ceil(chunk.length / BYTES_PER_UNIT);
  return yield* checkedRows(rows, schema);
}

/** Remembers where in the checkpoint a slot's row stands, so that dictionaries need not repeat its key. */
class RowIndexes {
  #byslot: Int32Array;
  count = 0;

  constructor(slots: number) {
    this.#byslot = new Int32Array(slots);
  }

  add(slot: number): void {
    this.count++;
    if (slot < this.#byslot.length) this.#byslot[slot] = this.count;
  }

  /** Index + 1 of a slot's row, 0 if it has none. */
  of(slot: number): number {
    return this.#byslot[slot] ?? 0;
  }
}

function* rowChunks(
  projection: CheckpointSource,
  origins: Origins,
  from: { kind: number; slots: Iterable<number>; indexes: RowIndexes },
): Generator<Uint8Array, void, undefined> {
  const { rows, schema } = projection;
  let slots: number[] = [];
  let characters = 0;
  for (const slot of from.slots) {
    slots.push(slot);
    from.indexes.add(slot);
    characters += rows.text(slot).length;
    const value = rows.value(slot);
    if (schema.column === 'text' && value !== undefined)
      characters += (schema.toColumn(value) as string).length;
    if (slots.length < ENTRIES_PER_CHUNK && characters < CHARACTERS_PER_CHUNK) continue;
    yield encodeRows(projection, origins, from.kind, slots);
    slots = [];
    characters = 0;
  }
  if (slots.length > 0) yield encodeRows(projection, origins, from.kind, slots);
}

function encodeRows(
  projection: CheckpointSource,
  origins: Origins,
  kind: number,
  slots: readonly number[],
): Uint8Array {
  const { rows, schema } = projection;
  const count = slots.length;
  scratch.restart();
  const writer = scratch;
  writer.byte(kind);
  writer.varint(count);
  writeTexts(
    writer,
    slots.map((slot) => rows.text(slot)),
    count,
  );
  if (kind === ROWS && schema.column === 'double') writeNumbers(writer, rows.numbersOf(slots), count);
  else if (kind === ROWS && !schema.isSet)
    writeCells(
      writer,
      slots.map((slot) => schema.toColumn(rows.value(slot))),
      count,
    );
  const numbers = new Map<number, number>();
  const originOf = new Uint32Array(count);
  let before = -1;
  for (let index = 0; index < count; index++) {
    const origin = rows.origin(slots[index] as number);
    if (origin !== before && !numbers.has(origin)) numbers.set(origin, numbers.size);
    originOf[index] = origin === before ? (originOf[index - 1] as number) : (numbers.get(origin) as number);
    before = origin;
  }
  writer.varint(numbers.size);
  for (const origin of numbers.keys()) writer.text(origins.at(origin).text);
  const width = widthOf(numbers.size);
  writer.byte(width);
  writer.fixedWidth(originOf, count, width);
  const sequences = new Float64Array(count);
  const stamps = new Float64Array(count);
  const created = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    const slot = slots[index] as number;
    sequences[index] = rows.sequence(slot);
    stamps[index] = rows.stamp(slot);
    created[index] = rows.expiryBase(slot);
  }
  writeNumbers(writer, sequences, count);
  writeRelative(writer, stamps);
  if (kind === ROWS && schema.expiry?.kind === 'create') writeRelative(writer, created);
  return writer.copy();
}

/** Numbers that lie close together, as their smallest and the differences to it, which `values` hold afterwards. */
function writeRelative(writer: ByteWriter, values: Float64Array): void {
  let smallest = values[0] ?? 0;
  for (const value of values) if (value < smallest) smallest = value;
  for (let index = 0; index < values.length; index++) values[index] = (values[index] as number) - smallest;
  writer.float64(smallest);
  writeNumbers(writer, values, values.length);
}

function readRelative(reader: ByteReader, count: number): Float64Array {
  const smallest = reader.float64();
  const { numbers } = readColumn(reader, count, 'double');
  if (numbers === undefined || !Number.isSafeInteger(smallest)) throw malformed('times');
  const values = new Float64Array(count);
  for (let index = 0; index < count; index++) values[index] = (numbers[index] as number) + smallest;
  return values;
}

function encodeDictionary(
  projection: CheckpointSource,
  number: number,
  slots: Int32Array,
  indexes: RowIndexes,
): Uint8Array {
  scratch.restart();
  const writer = scratch;
  writer.byte(DICTIONARY);
  writer.varint(number);
  writer.varint(slots.length);
  for (const slot of slots) {
    const index = indexes.of(slot);
    writer.varint(index);
    if (index === 0) writer.text(projection.rows.text(slot));
  }
  return writer.copy();
}

/** Consecutive keys of a dictionary. */
interface DictionaryPart {
  /** Per key the number of its entry, from 1, or 0 when it has none. */
  readonly entries: Int32Array;
  /** The texts of the keys without an entry, in order. */
  readonly texts: readonly string[];
}

/** What the numbers of a dictionary stand for. */
export interface DictionaryKeys {
  readonly size: number;
  readonly parts: readonly DictionaryPart[];
}

/** A checkpoint, unpacked. */
export interface DecodedCheckpoint {
  /** As it was encoded. */
  readonly chunks: readonly Uint8Array[];
  readonly header: CheckpointHeader;
  readonly rows: readonly CheckpointRows[];
  /** The keys of each dictionary, in the order of the header. */
  readonly keys: readonly DictionaryKeys[];
  /** The document behind the table, in modes that have one. */
  readonly document: readonly Uint8Array[];
  /** What the node that wrote it remembers of its own; only of a checkpoint that is trusted. */
  readonly past: readonly PastRecord[];
}

/** Unpacks a checkpoint of a table. Throws `OPERATION_INVALID`; content is checked only if `trusted` is false. */
export function decodeCheckpoint(
  chunks: readonly Uint8Array[],
  schema: Schema,
  trusted: boolean,
): DecodedCheckpoint {
  return allAtOnce(checkpointOf(chunks, schema, trusted));
}

/** The same in steps. */
export function* checkpointOf(
  chunks: readonly Uint8Array[],
  schema: Schema,
  trusted: boolean,
): Work<DecodedCheckpoint> {
  const { text, rest } = yield* takeHeader(chunks);
  const header = yield* readHeader(text, schema, trusted);
  const rows: CheckpointRows[] = [];
  let entries = 0;
  const document: Uint8Array[] = [];
  const past: PastRecord[] = [];
  const keys = header.dictionaries.map(() => ({ size: 0, parts: [] as DictionaryPart[] }));
  for (const chunk of rest) {
    const reader = new ByteReader(chunk);
    const kind = reader.byte();
    if (kind === ROWS || kind === REMOVED) {
      const part = readRows(reader, kind, schema);
      yield 1 + Math.ceil(chunk.length / BYTES_PER_UNIT);
      rows.push(trusted ? part : yield* checkedRows(part, schema));
      entries += part.texts.length;
    } else if (kind === DICTIONARY) {
      readDictionary(reader, keys, { entries, schema, trusted });
      yield 1 + Math.ceil(chunk.length / BYTES_PER_UNIT);
    } else if (kind === DOCUMENT) {
      document.push(chunk.subarray(1));
    } else if (kind === PAST) {
      if (trusted) past.push(readPast(chunk.subarray(1)));
    } else {
      throw malformed(`a chunk of kind ${kind}`);
    }
  }
  for (const [index, { keys: size }] of header.dictionaries.entries()) {
    if (keys[index]?.size !== size)
      throw malformed(`a dictionary of ${keys[index]?.size} keys instead of ${size}`);
  }
  return { chunks, header, rows, keys, document, past };
}

/** What a node remembers of its own under earlier documents. */
export interface PastRecord {
  readonly effects: readonly OwnEffect[];
  readonly copies: readonly string[];
}

function encodePast({ effects, copies }: PastRecord): Uint8Array {
  const plain = effects.map(({ text, origin, sequence, kind, cell, by }) => {
    return [
      text,
      origin,
      sequence,
      kind,
      typeof cell === 'bigint' ? { large: String(cell) } : (cell ?? null),
      by,
    ];
  });
  const text = new TextEncoder().encode(JSON.stringify([plain, copies]));
  const chunk = new Uint8Array(text.length + 1).fill(PAST, 0, 1);
  chunk.set(text, 1);
  return chunk;
}

/** Reads what this program wrote to its own log. */
function readPast(bytes: Uint8Array): PastRecord {
  type Plain = readonly [
    string,
    string,
    number,
    OwnEffect['kind'],
    Exclude<Cell, bigint> | { large: string } | null,
    number,
  ];
  const [plain, copies] = JSON.parse(new TextDecoder().decode(bytes)) as [readonly Plain[], string[]];
  const effects = plain.map(([text, origin, sequence, kind, cell, by]) => {
    const own = cell === null ? undefined : typeof cell === 'object' ? BigInt(cell.large) : cell;
    return { text, origin, sequence, kind, cell: own, by };
  });
  return { effects, copies };
}

function readDictionary(
  reader: ByteReader,
  keys: readonly { size: number; readonly parts: DictionaryPart[] }[],
  known: { entries: number; schema: Schema; trusted: boolean },
): void {
  const dictionary = keys[reader.varint()];
  const count = reader.count('dictionary entries', ENTRIES_PER_CHUNK);
  if (dictionary === undefined || dictionary.size + count > MAX_DICTIONARY_KEYS)
    throw malformed('a dictionary');
  const entries = new Int32Array(count);
  const texts: string[] = [];
  for (let index = 0; index < count; index++) {
    const entry = reader.varint();
    if (entry > known.entries) throw malformed(`entry ${entry} in a dictionary`);
    entries[index] = entry;
    if (entry > 0) continue;
    const text = reader.text(reader.remaining);
    if (!known.trusted) known.schema.checkKeyText(text);
    texts.push(text);
  }
  dictionary.size += count;
  dictionary.parts.push({ entries, texts });
}

/** The texts of a dictionary's keys, where `texts` are those of the checkpoint's entries. */
export function keyTexts(keys: DictionaryKeys | undefined, texts: readonly string[]): string[] {
  return (keys?.parts ?? []).flatMap((part) => {
    let own = 0;
    return Array.from(part.entries, (entry) => (entry > 0 ? texts[entry - 1] : part.texts[own++]) as string);
  });
}

function readRows(reader: ByteReader, kind: number, schema: Schema): CheckpointRows {
  const count = reader.count('rows', ENTRIES_PER_CHUNK);
  const texts = readTexts(reader, count);
  const column = kind === ROWS && !schema.isSet ? readColumn(reader, count, schema.column) : undefined;
  const origins: string[] = [];
  const originCount = reader.count('origins', count, 2);
  for (let index = 0; index < originCount; index++) origins.push(reader.text(MAX_ORIGIN_BYTES));
  const originOf = reader.fixedWidth(count, reader.byte());
  const sequences = readColumn(reader, count, 'double').numbers;
  const stamps = readRelative(reader, count);
  const created = kind === ROWS && schema.expiry?.kind === 'create' ? readRelative(reader, count) : stamps;
  if (sequences === undefined || reader.remaining !== 0) throw malformed('rows');
  const cells = column?.numbers ?? column?.cells ?? [];
  return { removed: kind === REMOVED, texts, cells, origins, originOf, sequences, stamps, created };
}

/** Rows from elsewhere once they are checked, with their values where those had to be made for it. */
function* checkedRows(rows: CheckpointRows, schema: Schema): Work<CheckpointRows> {
  for (const origin of rows.origins) checkOrigin(origin);
  yield 1 + rows.origins.length;
  for (let from = 0; from < rows.texts.length; from += ENTRIES_PER_STEP) {
    checkColumns(rows, from, schema);
    yield ENTRIES_PER_STEP;
  }
  if (schema.preparing !== undefined)
    return rows.removed ? rows : { ...rows, values: yield* valuesOfCells(rows.cells, schema.preparing()) };
  // Of numbers any is a double.
  if (schema.column === 'double') return rows;
  for (let index = 0; index < rows.cells.length; index++) {
    schema.checkCell(rows.cells[index] as Cell);
    if (index % ENTRIES_PER_STEP === 0) yield ENTRIES_PER_STEP;
  }
  return rows;
}

/** Checks the columns of a step one after the other: small loops are compiled sooner than one large one. */
function checkColumns(rows: CheckpointRows, from: number, schema: Schema): void {
  const { texts, origins, originOf, sequences, stamps, created } = rows;
  const end = Math.min(from + ENTRIES_PER_STEP, texts.length);
  for (let index = from; index < end; index++) schema.checkKeyText(texts[index] as string);
  for (let index = from; index < end; index++)
    if ((originOf[index] as number) >= origins.length) throw malformed('an origin number');
  checkCounts(sequences, { from, end, least: 1, what: 'sequence' });
  checkCounts(stamps, { from, end, least: 0, what: 'a time of' });
  if (created !== stamps) checkCounts(created, { from, end, least: 0, what: 'a time of' });
}

function checkCounts(
  values: ArrayLike<number>,
  on: { readonly from: number; readonly end: number; readonly least: number; readonly what: string },
): void {
  const { from, end, least } = on;
  for (let index = from; index < end; index++)
    if (!isCount(values[index], least)) throw malformed(`${on.what} ${values[index]}`);
}
