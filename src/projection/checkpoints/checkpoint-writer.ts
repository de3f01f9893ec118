import { ByteWriter, widthOf } from '../../log/bytes/bytes.ts';
import { writeCells, writeNumbers, writeTexts } from '../../log/bytes/column.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { type HeaderSource, encodeHeader } from './checkpoint-header.ts';
import type { OwnEffect, TableDocument } from '../../modes/conflict-mode.ts';
import type { Held } from '../held/held.ts';
import type { TableState } from '../table-state.ts';
import type { Rows } from '../rows/rows.ts';
import {
  DICTIONARY,
  DOCUMENT,
  ENTRIES_PER_CHUNK,
  PAST,
  type PastRecord,
  REMOVED,
  ROWS,
} from './checkpoint-format.ts';

/** Entries per chunk of a dictionary, each a key of up to 1 KiB: a chunk must fit into a frame. */
const DICTIONARY_ENTRIES_PER_CHUNK = 2048;
/** A chunk whose texts have more characters than this is closed early. */
const CHARACTERS_PER_CHUNK = 256 * 1024;
/** Chunks are put together here: see the one of runs. */
const scratch = new ByteWriter(64 * 1024);

/** The past of a node, as a checkpoint of its own log keeps it. */
interface PastRecords {
  readonly effects: Iterable<OwnEffect>;
  readonly copies: Iterable<string>;
}

/** A table, as far as its checkpoints say it. */
export type CheckpointSource = HeaderSource &
  Pick<TableState, 'rows'> & {
    readonly held: Pick<Held, 'dictionaries'>;
    readonly inForce: {
      readonly documents: { readonly document: Pick<TableDocument, 'content'> } | undefined;
      readonly past: PastRecords;
    };
  };

/** A part says which slots go into a checkpoint. */
export interface CheckpointPart {
  readonly rows: Iterable<number>;
  /** Keys without a row whose removal is worth remembering. */
  readonly removed: Iterable<number>;
}

/**
 * Every row, and the removals that the table's mode compares with. Who hears of the switch in force by it also has to
 * know what was removed since: what is not named was not there when the mode was switched.
 */
export function wholeTable(
  { rows, inForce: { mode } }: CheckpointSource,
  tellsSwitch = false,
): CheckpointPart {
  return { rows: rows.live(), removed: mode.comparesVersions || tellsSwitch ? rows.removals() : [] };
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
  const dictionaries = Array.from(projection.held.dictionaries, ([origin, dictionary]) => ({
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

function* pastChunks({ inForce: { past } }: CheckpointSource): Generator<Uint8Array, void, undefined> {
  const effects = [...past.effects];
  const copies = [...past.copies];
  for (let at = 0; at < Math.max(effects.length, copies.length); at += ENTRIES_PER_CHUNK) {
    const to = at + ENTRIES_PER_CHUNK;
    yield encodePast({ effects: effects.slice(at, to), copies: copies.slice(at, to) });
  }
}

/** The document last: it is then never behind the rows, and what it says of them stands. */
function* documentChunks({
  inForce: { documents },
}: CheckpointSource): Generator<Uint8Array, void, undefined> {
  for (const bytes of documents?.document.content.chunks() ?? []) {
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
  if (kind === ROWS && schema.column === 'double') writeNumbers(writer, numbersOf(rows, slots), count);
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

/** The values of some slots of a table of doubles. */
function numbersOf(rows: Rows, slots: readonly number[]): Float64Array {
  const values = new Float64Array(slots.length);
  for (let index = 0; index < values.length; index++)
    values[index] = rows.value(slots[index] as number) as number;
  return values;
}
