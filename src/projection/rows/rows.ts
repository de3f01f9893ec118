import type { Work } from '../../work/slices.ts';
import type { Key, Schema, Value } from '../../schema/index.ts';
import { Beginnings } from './beginnings.ts';
import { KeyIndex } from './key-index.ts';
import {
  CHANGED_ROW,
  type DoneByRun,
  MADE_ROW,
  type PartOfRows,
  type RunOfWrites,
  putAuthors,
  putVersions,
  resized,
} from './row-columns.ts';
import { type RowsWatch, touchDifferent, touchRun } from './rows-watch.ts';
import { SlotOrder } from './slot-order.ts';
import type { Dot } from './dot.ts';

const INITIAL_CAPACITY = 64;
const NONE = new Float64Array(0);
/** Slots whose rows are copied in a step of work, and in a unit of it. */
const COPIED_PER_STEP = 4096;
const COPIED_PER_UNIT = 64;
/** Most places made beyond those that are asked for. */
const MOST_SPARE = 1 << 20;

/**
 * The rows of one table as parallel arrays, a slot per key ever named and not yet forgotten.
 * Keys with a row are kept in the order in which their rows appeared, like a Map's.
 *
 * A removed key keeps its slot, because dictionaries of the log may refer to it; see {@link compact}.
 */
export class Rows {
  #index = new KeyIndex();
  /** Holds every key that has a slot; those with a row stand in the order in which their rows appeared. */
  #order = new SlotOrder();
  /** Rows there are. */
  size = 0;
  watch: RowsWatch | undefined;
  readonly #schema: Schema;
  readonly #empty: Value;
  #keys: Key[] = [];
  /** Values that may be something else than numbers; those of type double are in `#numbers`. */
  #values: Value[] = [];
  #numbers: Float64Array | undefined;
  /**
   * Per slot the number of the origin of the latest write, plus 1; negative when the key has no row, 0
   * when it never had one. Apart from sequences and stamps, because every write reads it: the smaller
   * it is, the more of it is in the processor's cache.
   */
  #authors: Int32Array = new Int32Array(INITIAL_CAPACITY);
  /** Per slot sequence and stamp of the latest write, side by side. */
  #versions: Float64Array = new Float64Array(2 * INITIAL_CAPACITY);
  /** Holds when rows began, in tables that expire by creation only. */
  #beginnings: Beginnings | undefined;
  /** Highest slot whose row has appeared, and the number of slots when one was last moved to the end. */
  #highest = -1;
  #moved = 0;

  constructor(schema: Schema) {
    this.#schema = schema;
    this.#empty = schema.column === 'double' || schema.column === 'integer' ? 0 : undefined;
    if (schema.column === 'double') this.#numbers = new Float64Array(INITIAL_CAPACITY);
    if (schema.expiry?.kind === 'create') this.#beginnings = new Beginnings(INITIAL_CAPACITY);
  }

  /** Slots in use, with or without a row. */
  get slots(): number {
    return this.#index.texts.length;
  }

  get removedCount(): number {
    return this.slots - this.size;
  }

  /** Slots of keys without a row that once had one. */
  *removals(): Generator<number, void, undefined> {
    for (const slot of this.#order) {
      if ((this.#authors[slot] as number) < 0) yield slot;
    }
  }

  /** The slot of a key that has a row. */
  find(text: string): number | undefined {
    const slot = this.#index.find(text);
    return slot !== undefined && this.has(slot) ? slot : undefined;
  }

  /** The slot of a key, with or without a row, if it has one. */
  known(text: string): number | undefined {
    return this.#index.find(text);
  }

  /** Slots with a row, in the order in which the rows appeared. */
  *live(): Generator<number, void, undefined> {
    for (const slot of this.#order) if (this.has(slot)) yield slot;
  }

  /** The slot of a key, new and without a row if the key was not known. */
  slotOf(text: string): number {
    return this.#index.find(text) ?? this.newSlot(text);
  }

  /** Makes a slot without a row for a key that has none. */
  newSlot(text: string): number {
    const slot = this.#index.add(text);
    if (slot === this.#authors.length) this.#resize(2 * slot);
    this.#order = this.#order.add(slot);
    if (!this.#schema.textKeys) this.#keys.push(this.#schema.keyOf(text));
    if (this.#numbers === undefined) this.#values.push(this.#empty);
    return slot;
  }

  /** Makes the slots of an empty table, in order; false, and it stays empty, when a key is named twice. */
  fill(parts: readonly (readonly string[])[]): boolean {
    this.reserve(parts.reduce((sum, { length }) => sum + length, 0));
    if (parts.every((texts) => this.append(texts))) return true;
    this.#index.cut(0);
    this.#order.fill(0);
    this.#keys = [];
    this.#values = [];
    return false;
  }

  /** Makes further slots for keys that have none; false when one has. Of use only in rows that nobody reads. */
  append(texts: readonly string[]): boolean {
    if (!this.#index.addAll(texts)) return false;
    this.reserve(0);
    this.#order.fill(this.slots);
    const schema = this.#schema;
    if (!schema.textKeys) for (const text of texts) this.#keys.push(schema.keyOf(text));
    if (this.#numbers === undefined) for (let at = 0; at < texts.length; at++) this.#values.push(this.#empty);
    return true;
  }

  /** Puts in place what a checkpoint says of slots made by {@link fill} or {@link append}. */
  putPart(part: PartOfRows): void {
    const { first, removed, values, origins, originOf, sequences, stamps } = part;
    const count = part.texts.length;
    const sign = removed ? -1 : 1;
    putAuthors(
      this.#authors.subarray(first, first + count),
      originOf,
      origins.map((origin) => sign * (origin + 1)),
    );
    putVersions(this.#versions.subarray(2 * first, 2 * (first + count)), sequences, stamps);
    if (removed) return;
    this.size += count;
    this.#highest = first + count - 1;
    if (this.#beginnings !== undefined)
      for (let at = 0; at < count; at++) this.setCreated(first + at, part.created[at] as number);
    if (values === undefined) return;
    if (this.#numbers !== undefined) this.#numbers.set(values as ArrayLike<number>, first);
    else for (let at = 0; at < count; at++) this.#values[first + at] = values[at];
  }

  /** Makes room for that many further keys at once. */
  reserve(count: number): void {
    const needed = this.#index.texts.length + count;
    if (needed <= this.#authors.length) return;
    this.#index.reserve(count);
    this.#resize(Math.max(needed, Math.min(2 * this.#authors.length, needed + MOST_SPARE)));
  }

  #resize(capacity: number): void {
    const authors = new Int32Array(capacity);
    authors.set(this.#authors);
    this.#authors = authors;
    this.#versions = resized(this.#versions, 2 * capacity);
    if (this.#numbers !== undefined) this.#numbers = resized(this.#numbers, capacity);
    this.#beginnings?.resize(capacity);
  }

  text(slot: number): string {
    return this.#index.texts[slot] as string;
  }

  key(slot: number): Key {
    return this.#schema.textKeys ? (this.#index.texts[slot] as string) : (this.#keys[slot] as Key);
  }

  value(slot: number): Value {
    return this.#numbers === undefined ? this.#values[slot] : this.#numbers[slot];
  }

  has(slot: number): boolean {
    return (this.#authors[slot] as number) > 0;
  }

  /** Number of the origin of the key's latest write or, without a row, of its removal. */
  origin(slot: number): number {
    return Math.abs(this.#authors[slot] as number) - 1;
  }

  /** Sequence of the key's latest write or removal; 0 when it never had any. */
  sequence(slot: number): number {
    return this.#versions[2 * slot] as number;
  }

  stamp(slot: number): number {
    return this.#versions[2 * slot + 1] as number;
  }

  /** Forgets what removed a key that has no row, as if the key had never had one. */
  forget(slot: number): void {
    this.#authors[slot] = 0;
    this.#versions.fill(0, 2 * slot, 2 * slot + 2);
  }

  /** The key's latest write or removal, as it is now. */
  dot(slot: number): Dot {
    return { origin: this.origin(slot), sequence: this.sequence(slot), stamp: this.stamp(slot) };
  }

  /** Stamp from which the row's expiry counts. */
  expiryBase(slot: number): number {
    return this.#beginnings === undefined ? this.stamp(slot) : this.#beginnings.time(slot);
  }

  /** With what the lives of rows began; undefined in tables that do not expire by creation. */
  get beginnings(): Beginnings | undefined {
    return this.#beginnings;
  }

  /** Puts a value under a version; a row that was there keeps its place and time of creation. */
  put(slot: number, value: Value, by: Dot): void {
    if (this.watch !== undefined && !(this.has(slot) && Object.is(this.value(slot), value)))
      this.watch.touched(slot);
    if ((this.#authors[slot] as number) <= 0) {
      this.#appear(slot);
      this.#beginnings?.set(slot, by);
    }
    if (this.#numbers === undefined) this.#values[slot] = value;
    else this.#numbers[slot] = value as number;
    const versions = this.#versions;
    versions[2 * slot] = by.sequence;
    versions[2 * slot + 1] = by.stamp;
    this.#authors[slot] = by.origin + 1;
  }

  /** Puts the values of a run of writes: the one at `index` goes to the slot that its key number stands for. */
  putRun(writes: RunOfWrites): void {
    const { slots, ids, values, stamps, firstSequence } = writes;
    const authors = this.#authors;
    const versions = this.#versions;
    const author = writes.origin + 1;
    const table: Value[] | Float64Array = this.#numbers ?? this.#values;
    for (let index = writes.from; index < writes.end; index++) {
      const slot = slots[ids[index] as number] as number;
      const stamp = stamps === undefined ? writes.stamp : (stamps[index] as number);
      if ((authors[slot] as number) <= 0) this.#appear(slot);
      if (values !== undefined) table[slot] = values[index] as number;
      versions[2 * slot] = firstSequence + index;
      versions[2 * slot + 1] = stamp;
      authors[slot] = author;
    }
    if (this.watch !== undefined) touchRun(this.watch, writes);
  }

  /**
   * As {@link putRun}, for a set or a table of doubles, and says what each write did. A row that has come
   * with a checkpoint from a later write of the same author stays as it is.
   */
  putRunKnowing(writes: RunOfWrites): DoneByRun {
    const { slots, ids, values, stamps, firstSequence, from } = writes;
    const authors = this.#authors;
    const versions = this.#versions;
    const numbers = this.#numbers;
    const author = writes.origin + 1;
    const count = writes.end - from;
    const done = { slots: new Int32Array(count), did: new Uint8Array(count), before: resized(NONE, count) };
    for (let nth = 0; nth < count; nth++) {
      const index = from + nth;
      const slot = slots[ids[index] as number] as number;
      const present = authors[slot] as number;
      done.slots[nth] = slot;
      if (Math.abs(present) === author && (versions[2 * slot] as number) >= firstSequence + index) continue;
      const stamp = stamps === undefined ? writes.stamp : (stamps[index] as number);
      if (present <= 0) this.#appear(slot);
      done.did[nth] = present > 0 ? CHANGED_ROW : MADE_ROW;
      if (values !== undefined && numbers !== undefined) {
        done.before[nth] = numbers[slot] as number;
        numbers[slot] = values[index] as number;
      }
      versions[2 * slot] = firstSequence + index;
      versions[2 * slot + 1] = stamp;
      authors[slot] = author;
    }
    if (this.watch !== undefined) touchRun(this.watch, writes);
    return values === undefined ? { ...done, before: undefined } : done;
  }

  #appear(slot: number): void {
    if (slot <= this.#highest || slot < this.#moved) {
      // A row appeared since this slot was made: the new one stands last.
      this.#order = this.#order.toEnd(slot);
      this.#moved = this.#index.texts.length;
    } else {
      this.#highest = slot;
    }
    this.size++;
  }

  /** Sets the time of creation that a checkpoint remembers. */
  setCreated(slot: number, stamp: number): void {
    this.#beginnings?.set(slot, this.dot(slot), stamp);
  }

  /** Takes the row away if there is one; the key keeps its slot, which remembers what removed it. */
  remove(slot: number, by: Dot): void {
    if ((this.#authors[slot] as number) > 0) {
      if (this.#numbers === undefined) this.#values[slot] = this.#empty;
      else this.#numbers[slot] = 0;
      this.size--;
      this.watch?.touched(slot);
    }
    this.#versions[2 * slot] = by.sequence;
    this.#versions[2 * slot + 1] = by.stamp;
    this.#authors[slot] = -by.origin - 1;
  }

  /**
   * Forgets the slots of removed keys that `referenced` does not name and numbers the others
   * anew. Returns the new number per old slot, -1 for a forgotten one.
   */
  compact(referenced: Uint8Array): Int32Array {
    const renumbered = new Int32Array(this.#index.texts.length).fill(-1);
    let next = 0;
    for (let slot = 0; slot < this.#index.texts.length; slot++) {
      if (!this.has(slot) && referenced[slot] !== 1) continue;
      this.#move(slot, next);
      renumbered[slot] = next++;
    }
    this.#authors.fill(0, next);
    this.#versions.fill(0, 2 * next);
    this.#numbers?.fill(0, next);
    this.#index.renumber(renumbered);
    this.#order = this.#order.renumber(renumbered);
    if (this.#numbers === undefined) this.#values.length = next;
    if (!this.#schema.textKeys) this.#keys.length = next;
    this.#highest = next - 1;
    this.watch?.renumbered(renumbered);
    return renumbered;
  }

  // Copies -------------------------------------------------------------------------------------------

  /**
   * A copy, with the keys of this table, that is changed with {@link place} and {@link copySlot} while these rows
   * are read and written, until they {@link become} it. Slots must keep their numbers meanwhile.
   */
  *fork(): Work<Rows> {
    const fork = new Rows(this.#schema);
    fork.#index = this.#index;
    fork.#keys = this.#keys;
    fork.#resize(this.#authors.length);
    const count = this.slots;
    for (let slot = 0; slot < count; slot++) {
      fork.copySlot(this, slot);
      if (slot % COPIED_PER_STEP === 0) yield COPIED_PER_STEP / COPIED_PER_UNIT;
    }
    return fork;
  }

  /** Makes what stands in a slot of a fork what stands there in the table that it was copied from. */
  copySlot(from: Rows, slot: number): void {
    if (slot >= this.#authors.length) this.#resize(from.#authors.length);
    if (from.has(slot) !== this.has(slot)) this.size += from.has(slot) ? 1 : -1;
    this.#authors[slot] = from.#authors[slot] as number;
    this.#versions[2 * slot] = from.#versions[2 * slot] as number;
    this.#versions[2 * slot + 1] = from.#versions[2 * slot + 1] as number;
    if (this.#numbers === undefined) this.#values[slot] = from.#values[slot];
    else this.#numbers[slot] = from.value(slot) as number;
    if (from.#beginnings !== undefined) this.#beginnings?.copy(from.#beginnings, slot);
  }

  /** Lets a slot without a row stand where one stands whose row appears now. */
  expect(slot: number): void {
    if (this.has(slot) || (slot > this.#highest && slot >= this.#moved)) return;
    this.#order = this.#order.toEnd(slot);
    this.#moved = this.slots;
  }

  /** As {@link put} and {@link setCreated}, in a fork, whose rows stand in the order of the table it was copied from. */
  place(slot: number, row: { readonly value: Value; readonly dot: Dot; readonly created: number }): void {
    const { value, dot, created } = row;
    if ((this.#authors[slot] as number) <= 0) this.size++;
    if (slot > this.#highest) this.#highest = slot;
    if (this.#numbers === undefined) this.#values[slot] = value;
    else this.#numbers[slot] = value as number;
    this.#versions[2 * slot] = dot.sequence;
    this.#versions[2 * slot + 1] = dot.stamp;
    this.#authors[slot] = dot.origin + 1;
    this.setCreated(slot, created);
  }

  /**
   * Brings a fork up to these rows in one go; it stands in their order then. A slot is looked at
   * by its value as well: a counter may change under the same write.
   */
  settle(fork: Rows): void {
    const count = this.slots;
    if (fork.#authors.length < this.#authors.length) fork.#resize(this.#authors.length);
    const [authors, versions] = [this.#authors, this.#versions];
    const [copiedAuthors, copiedVersions] = [fork.#authors, fork.#versions];
    const values: readonly Value[] | Float64Array = this.#numbers ?? this.#values;
    const copied: readonly Value[] | Float64Array = fork.#numbers ?? fork.#values;
    for (let slot = 0; slot < count; slot++) {
      const isSame =
        authors[slot] === copiedAuthors[slot] &&
        versions[2 * slot] === copiedVersions[2 * slot] &&
        values[slot] === copied[slot];
      if (!isSame) fork.copySlot(this, slot);
    }
    fork.#order = this.#order.copy();
  }

  /** Takes the place of a fork at once; the fork then holds what was here before. */
  become(fork: Rows): void {
    this.#exchange(fork);
    if (this.watch !== undefined) touchDifferent(this.watch, fork, this);
  }

  #exchange(fork: Rows): void {
    if (fork.#authors.length < this.#authors.length) fork.#resize(this.#authors.length);
    const { size } = this;
    const [authors, versions, numbers] = [this.#authors, this.#versions, this.#numbers];
    const [values, beginnings] = [this.#values, this.#beginnings];
    this.#authors = fork.#authors;
    this.#versions = fork.#versions;
    this.#numbers = fork.#numbers;
    this.#values = fork.#values;
    this.#beginnings = fork.#beginnings;
    this.size = fork.size;
    this.#highest = Math.max(this.#highest, fork.#highest);
    fork.#authors = authors;
    fork.#versions = versions;
    fork.#numbers = numbers;
    fork.#values = values;
    fork.#beginnings = beginnings;
    fork.size = size;
  }

  /** Takes the place of rows that were made aside while these had no slot. */
  beginAs(rows: Rows): void {
    this.#exchange(rows);
    this.#index = rows.#index;
    this.#order = rows.#order;
    this.#keys = rows.#keys;
    if (this.watch !== undefined) touchDifferent(this.watch, rows, this);
  }

  #move(from: number, to: number): void {
    if (from === to) return;
    if (!this.#schema.textKeys) this.#keys[to] = this.#keys[from] as Key;
    if (this.#numbers === undefined) this.#values[to] = this.#values[from];
    else this.#numbers[to] = this.#numbers[from] as number;
    this.#authors[to] = this.#authors[from] as number;
    this.#versions.copyWithin(2 * to, 2 * from, 2 * from + 2);
    this.#beginnings?.copy(this.#beginnings, from, to);
  }
}
