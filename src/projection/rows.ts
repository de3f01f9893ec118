import type { Key, Schema, Value } from '../schema/index.ts';
import { CHANGED_ROW, type DoneByRun, MADE_ROW, type PartOfRows, type RunOfWrites } from './row-columns.ts';

const INITIAL_CAPACITY = 64;
const NONE = new Float64Array(0);
/** Most places made beyond those that are asked for. */
const MOST_SPARE = 1 << 20;

/**
 * The operation that wrote or removed something, by numbers: see {@link Origins}. Valid during the
 * call it is passed to: writers of many operations use one object for all of them.
 */
export interface Dot {
  readonly origin: number;
  readonly sequence: number;
  readonly stamp: number;
}

/** A dot that its owner moves on from operation to operation. */
export class MovingDot implements Dot {
  origin: number;
  sequence = 0;
  stamp = 0;

  constructor(origin: number) {
    this.origin = origin;
  }
}

/**
 * The rows of one table as parallel arrays, a slot per key ever named and not yet forgotten.
 * Keys with a row are kept in the order in which their rows appeared, like a Map's.
 *
 * A removed key keeps its slot, because dictionaries of the log may refer to it; see {@link compact}.
 */
export class Rows {
  /** Every key that has a slot; those with a row stand in the order in which their rows appeared. */
  readonly #slots = new Map<string, number>();
  /** Rows there are. */
  size = 0;
  readonly #schema: Schema;
  readonly #empty: Value;
  #texts: string[] = [];
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
  /** Per slot when the row appeared; of tables that expire by creation only. */
  #created: Float64Array | undefined;
  /** Highest slot whose row has appeared, and the number of slots when one was last moved to the end. */
  #highest = -1;
  #moved = 0;

  constructor(schema: Schema) {
    this.#schema = schema;
    this.#empty = schema.column === 'double' || schema.column === 'integer' ? 0 : undefined;
    if (schema.column === 'double') this.#numbers = new Float64Array(INITIAL_CAPACITY);
    if (schema.expiry?.kind === 'create') this.#created = new Float64Array(INITIAL_CAPACITY);
  }

  /** Slots in use, with or without a row. */
  get slots(): number {
    return this.#texts.length;
  }

  get removedCount(): number {
    return this.#slots.size - this.size;
  }

  /** Slots of keys without a row that once had one. */
  *removals(): Generator<number, void, undefined> {
    for (const slot of this.#slots.values()) {
      if ((this.#authors[slot] as number) < 0) yield slot;
    }
  }

  /** The slot of a key that has a row. */
  find(text: string): number | undefined {
    const slot = this.#slots.get(text);
    return slot !== undefined && this.has(slot) ? slot : undefined;
  }

  /** The slot of a key, with or without a row, if it has one. */
  known(text: string): number | undefined {
    return this.#slots.get(text);
  }

  /** Slots with a row, in the order in which the rows appeared. */
  *live(): Generator<number, void, undefined> {
    for (const slot of this.#slots.values()) if (this.has(slot)) yield slot;
  }

  /** The slot of a key, new and without a row if the key was not known. */
  slotOf(text: string): number {
    return this.#slots.get(text) ?? this.newSlot(text);
  }

  /** Makes a slot without a row for a key that has none. */
  newSlot(text: string): number {
    const slot = this.#texts.length;
    if (slot === this.#authors.length) this.#resize(2 * slot);
    this.#texts.push(text);
    if (!this.#schema.textKeys) this.#keys.push(this.#schema.keyOf(text));
    if (this.#numbers === undefined) this.#values.push(this.#empty);
    this.#slots.set(text, slot);
    return slot;
  }

  /** Makes the slots of an empty table, in order; false, and it stays empty, when a key is named twice. */
  fill(parts: readonly (readonly string[])[]): boolean {
    const slots = this.#slots;
    this.reserve(parts.reduce((sum, texts) => sum + texts.length, 0));
    let count = 0;
    for (const texts of parts) for (const text of texts) slots.set(text, count++);
    if (slots.size !== count) {
      slots.clear();
      return false;
    }
    this.#texts = parts.flat();
    const schema = this.#schema;
    if (!schema.textKeys) this.#keys = this.#texts.map((text) => schema.keyOf(text));
    if (this.#numbers === undefined) this.#values = Array.from({ length: count }, () => this.#empty);
    return true;
  }

  /** Puts in place what a checkpoint says of slots made by {@link fill}. */
  putPart(part: PartOfRows): void {
    const { first, removed, values, origins, originOf, sequences, stamps } = part;
    const count = part.texts.length;
    const authors = this.#authors;
    const versions = this.#versions;
    const sign = removed ? -1 : 1;
    for (let at = 0; at < count; at++) {
      const slot = first + at;
      authors[slot] = sign * ((origins[originOf[at] as number] as number) + 1);
      versions[2 * slot] = sequences[at] as number;
      versions[2 * slot + 1] = stamps[at] as number;
    }
    if (removed) return;
    this.size += count;
    this.#highest = first + count - 1;
    if (this.#created !== undefined) this.#created.set(part.created, first);
    if (values === undefined) return;
    if (this.#numbers !== undefined) this.#numbers.set(values as ArrayLike<number>, first);
    else for (let at = 0; at < count; at++) this.#values[first + at] = values[at];
  }

  /** Makes room for that many further keys at once. */
  reserve(count: number): void {
    const needed = this.#texts.length + count;
    if (needed <= this.#authors.length) return;
    this.#resize(Math.max(needed, Math.min(2 * this.#authors.length, needed + MOST_SPARE)));
  }

  #resize(capacity: number): void {
    const authors = new Int32Array(capacity);
    authors.set(this.#authors);
    this.#authors = authors;
    this.#versions = resized(this.#versions, 2 * capacity);
    if (this.#numbers !== undefined) this.#numbers = resized(this.#numbers, capacity);
    if (this.#created !== undefined) this.#created = resized(this.#created, capacity);
  }

  text(slot: number): string {
    return this.#texts[slot] as string;
  }

  key(slot: number): Key {
    return this.#schema.textKeys ? (this.#texts[slot] as string) : (this.#keys[slot] as Key);
  }

  value(slot: number): Value {
    return this.#numbers === undefined ? this.#values[slot] : this.#numbers[slot];
  }

  /** The values of some slots of a table of doubles. */
  numbersOf(slots: readonly number[]): Float64Array {
    const values = new Float64Array(slots.length);
    for (let index = 0; index < values.length; index++)
      values[index] = this.value(slots[index] as number) as number;
    return values;
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

  /** Lowers every later stamp to `stamp`. */
  limitStamps(stamp: number): void {
    const versions = this.#versions;
    for (let at = 1; at < 2 * this.slots; at += 2) if ((versions[at] as number) > stamp) versions[at] = stamp;
  }

  /** The key's latest write or removal, as it is now. */
  dot(slot: number): Dot {
    return { origin: this.origin(slot), sequence: this.sequence(slot), stamp: this.stamp(slot) };
  }

  /** Stamp from which the row's expiry counts. */
  expiryBase(slot: number): number {
    return this.#created === undefined ? this.stamp(slot) : (this.#created[slot] as number);
  }

  /** Puts a value under a version; a row that was there keeps its place and time of creation. */
  put(slot: number, value: Value, by: Dot): void {
    if ((this.#authors[slot] as number) <= 0) this.#appear(slot, by.stamp);
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
      if ((authors[slot] as number) <= 0) this.#appear(slot, stamp);
      if (values !== undefined) table[slot] = values[index] as number;
      versions[2 * slot] = firstSequence + index;
      versions[2 * slot + 1] = stamp;
      authors[slot] = author;
    }
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
      if (present <= 0) this.#appear(slot, stamp);
      done.did[nth] = present > 0 ? CHANGED_ROW : MADE_ROW;
      if (values !== undefined && numbers !== undefined) {
        done.before[nth] = numbers[slot] as number;
        numbers[slot] = values[index] as number;
      }
      versions[2 * slot] = firstSequence + index;
      versions[2 * slot + 1] = stamp;
      authors[slot] = author;
    }
    return values === undefined ? { ...done, before: undefined } : done;
  }

  #appear(slot: number, stamp: number): void {
    if (slot <= this.#highest || slot < this.#moved) {
      // A row appeared since this slot was made: the new one stands last.
      const text = this.#texts[slot] as string;
      this.#slots.delete(text);
      this.#slots.set(text, slot);
      this.#moved = this.#texts.length;
    } else {
      this.#highest = slot;
    }
    this.size++;
    if (this.#created !== undefined) this.#created[slot] = stamp;
  }

  /** Sets the time of creation that a checkpoint remembers. */
  setCreated(slot: number, stamp: number): void {
    if (this.#created !== undefined) this.#created[slot] = stamp;
  }

  /** Takes the row away if there is one; the key keeps its slot, which remembers what removed it. */
  remove(slot: number, by: Dot): void {
    if ((this.#authors[slot] as number) > 0) {
      if (this.#numbers === undefined) this.#values[slot] = this.#empty;
      else this.#numbers[slot] = 0;
      this.size--;
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
    const renumbered = new Int32Array(this.#texts.length).fill(-1);
    let next = 0;
    for (let slot = 0; slot < this.#texts.length; slot++) {
      if (!this.has(slot) && referenced[slot] !== 1) continue;
      this.#move(slot, next);
      renumbered[slot] = next++;
    }
    this.#authors.fill(0, next);
    this.#versions.fill(0, 2 * next);
    this.#numbers?.fill(0, next);
    this.#texts.length = next;
    if (this.#numbers === undefined) this.#values.length = next;
    if (!this.#schema.textKeys) this.#keys.length = next;
    for (const [text, slot] of this.#slots) {
      const moved = renumbered[slot] as number;
      if (moved < 0) this.#slots.delete(text);
      else this.#slots.set(text, moved);
    }
    this.#highest = next - 1;
    return renumbered;
  }

  #move(from: number, to: number): void {
    if (from === to) return;
    this.#texts[to] = this.#texts[from] as string;
    if (!this.#schema.textKeys) this.#keys[to] = this.#keys[from] as Key;
    if (this.#numbers === undefined) this.#values[to] = this.#values[from];
    else this.#numbers[to] = this.#numbers[from] as number;
    this.#authors[to] = this.#authors[from] as number;
    this.#versions.copyWithin(2 * to, 2 * from, 2 * from + 2);
    if (this.#created !== undefined) this.#created[to] = this.#created[from] as number;
  }
}

function resized(values: Float64Array, length: number): Float64Array {
  const larger = new Float64Array(length);
  larger.set(values);
  return larger;
}
