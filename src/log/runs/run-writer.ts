import { ByteWriter, widthOf } from '../bytes/bytes.ts';
import { crc32 } from '../bytes/checksum.ts';
import type { Cell, ColumnType } from '../../schema/schema.ts';
import { writeCells, writeNumbers, writeTexts } from '../bytes/column.ts';
import { type Epoch, writeEpoch } from '../operations/epoch.ts';
import { EXPIRE, INCREMENT, SET, TOUCH } from '../operations/operation.ts';
import {
  type ContextEntry,
  type DictionaryState,
  type DocumentSection,
  HAS_CHANGES,
  HAS_EPOCH,
  HAS_KINDS,
  HAS_TIMES,
  MAX_RUN_OPERATIONS,
  RUN_VERSION,
  type RunOperations,
} from './run.ts';
import { writeKinds, writeTimes } from './run-stretches.ts';

/** A run whose keys and values have more characters than this is closed; one entry may go beyond. */
const MAX_RUN_CHARACTERS = 512 * 1024;

/** Runs are put together here, because a buffer for each would have to be fetched from the system and cleared. */
const scratch = new ByteWriter(64 * 1024);

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
  #added: number[] = [];
  #context: readonly ContextEntry[] = [];
  #state: DictionaryState = { chapter: 0, keys: 0, origins: 0 };
  /** Characters of its keys and values, for judging its size. */
  characters = 0;
  count = 0;
  firstSequence = 0;
  /** The switch of mode under which it is written; undefined before any. */
  epoch: Epoch | undefined;
  /** Is what it carries for the table's document; set before it is encoded, in modes that have one. */
  document: DocumentSection | undefined;

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
    this.#added = [];
    this.document = undefined;
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

  /** An addition of `by` to a counter; only in a run that gets a {@link document}. */
  addIncrement(id: number, by: number, stamp: number): void {
    this.#entry(INCREMENT, id, stamp);
    this.#added.push(by);
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

  /** A touch of a key; the origin is any that the author's dictionary names. */
  addTouch(id: number, origin: number, stamp: number): void {
    this.#entry(TOUCH, id, stamp);
    this.#expired.push(origin, 0);
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
    scratch.restart();
    const writer = scratch;
    writer.byte(RUN_VERSION);
    const { epoch } = this;
    const flags = (this.#kinds === undefined ? 0 : HAS_KINDS) | (this.#stamps === undefined ? 0 : HAS_TIMES);
    const document = this.document === undefined ? 0 : HAS_CHANGES;
    writer.byte(epoch === undefined ? flags | document : flags | document | HAS_EPOCH);
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
    if (this.document !== undefined) writeDocument(writer, this.document, this.#added);
    writer.uint32(crc32(writer.view()));
    return writer.copy();
  }

  /** Its operations so far, as a view that the next one may change. */
  view(): RunOperations {
    const { firstSequence, count } = this;
    const numbers = this.#wide ? undefined : this.#numbers;
    return {
      firstSequence,
      count,
      firstStamp: this.#firstStamp,
      stamps: this.#stamps,
      kinds: this.#kinds,
      ids: this.#ids,
      values: { numbers, cells: numbers === undefined ? this.#cells : undefined },
      added: this.#added,
    };
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

  /** Says whether no further operation belongs into this run. */
  get full(): boolean {
    return this.count >= MAX_RUN_OPERATIONS || this.characters >= MAX_RUN_CHARACTERS;
  }
}

function writeDocument(
  writer: ByteWriter,
  { entered, changes, copies }: DocumentSection,
  added: readonly number[],
): void {
  for (const by of added) writer.float64(by);
  writer.byte(copies ? 1 : 0);
  writer.varint(entered.length);
  for (const { id, generation, start } of entered) {
    writer.varint(id);
    writer.varint(generation);
    writer.float64(start);
  }
  writer.varint(changes.length);
  for (const change of changes) {
    writer.varint(change.length);
    writer.raw(change);
  }
}
