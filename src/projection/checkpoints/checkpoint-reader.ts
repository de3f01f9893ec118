import { ByteReader, malformed } from '../../log/bytes/bytes.ts';
import type { Cell } from '../../schema/schema.ts';
import { readColumn, readTexts } from '../../log/bytes/column.ts';
import { MAX_DICTIONARY_KEYS } from '../../log/runs/dictionary.ts';
import { MAX_ORIGIN_BYTES, checkOrigin } from '../../log/operations/origin.ts';
import { type Work, allAtOnce } from '../../work/slices.ts';
import type { OwnEffect } from '../../modes/conflict-mode.ts';
import type { Schema } from '../../schema/index.ts';
import { type CheckpointHeader, readHeader, takeHeader } from './checkpoint-header.ts';
import { valuesOfCells } from '../folding/preparation.ts';
import {
  type CheckpointRows,
  DICTIONARY,
  DOCUMENT,
  ENTRIES_PER_CHUNK,
  PAST,
  type PastRecord,
  REMOVED,
  ROWS,
  isCount,
} from './checkpoint-format.ts';

/** Entries of a chunk that are read or checked in one step of work. */
const ENTRIES_PER_STEP = 256;
/** Bytes of a chunk that are read in a unit of work. */
const BYTES_PER_UNIT = 256;

/** Unpacks and checks a chunk of rows from a peer. Throws `OPERATION_INVALID`. */
export function* decodeRows(chunk: Uint8Array, schema: Schema): Work<CheckpointRows> {
  const reader = new ByteReader(chunk);
  const kind = reader.byte();
  if (kind !== ROWS) throw malformed(`a chunk of kind ${kind}`);
  const rows = readRows(reader, kind, schema);
  yield 1 + Math.ceil(chunk.length / BYTES_PER_UNIT);
  return yield* checkedRows(rows, schema);
}

function readRelative(reader: ByteReader, count: number): Float64Array {
  const smallest = reader.float64();
  const { numbers } = readColumn(reader, count, 'double');
  if (numbers === undefined || !Number.isSafeInteger(smallest)) throw malformed('times');
  const values = new Float64Array(count);
  for (let index = 0; index < count; index++) values[index] = (numbers[index] as number) + smallest;
  return values;
}

/** Consecutive keys of a dictionary. */
interface DictionaryPart {
  /** Per key the number of its entry, from 1, or 0 when it has none. */
  readonly entries: Int32Array;
  /** The texts of the keys without an entry, in order. */
  readonly texts: readonly string[];
}

/** The keys are what the numbers of a dictionary stand for. */
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
  /** Is what the node that wrote it remembers of its own; only of a checkpoint that is trusted. */
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
  // Every number is a double: there is nothing to check.
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
