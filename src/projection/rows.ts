import type { Key, Schema, Value } from '../schema/index.ts';

const INITIAL_CAPACITY = 64;
/** What is kept per slot beside key and value, by offset. */
const STRIDE = 4;
const SEQUENCE = 0;
const STAMP = 1;
/** Origin + 1 of the latest write; negative when the key has no row; 0 when it never had one. */
const ORIGIN = 2;
/** When the row appeared, for tables that expire by creation. */
const CREATED = 3;

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

/** Consecutive writes of one origin, column by column. */
export interface RunOfWrites {
  readonly from: number;
  readonly end: number;
  /** Slot per key number. */
  readonly slots: Int32Array;
  readonly ids: Uint32Array;
  /** Undefined for a set. */
  readonly values: ArrayLike<Value> | undefined;
  readonly origin: number;
  readonly firstSequence: number;
  /** Undefined when all carry `stamp`. */
  readonly stamps: Float64Array | undefined;
  readonly stamp: number;
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
  /** Offset of the stamp from which a row's expiry counts. */
  readonly #base: number;
  #texts: string[] = [];
  #keys: Key[] = [];
  #values: Value[] = [];
  /** Per slot, side by side because they are used together: see the offsets above. */
  #marks: Float64Array = new Float64Array(INITIAL_CAPACITY * STRIDE);
  /** Highest slot whose row has appeared, and the number of slots when one was last moved to the end. */
  #highest = -1;
  #moved = 0;

  constructor(schema: Schema) {
    this.#schema = schema;
    this.#empty = schema.column === 'double' || schema.column === 'integer' ? 0 : undefined;
    this.#base = schema.expiry?.kind === 'create' ? CREATED : STAMP;
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
      if ((this.#marks[slot * STRIDE + ORIGIN] as number) < 0) yield slot;
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
    return this.#slots.get(text) ?? this.#newSlot(text);
  }

  #newSlot(text: string): number {
    const slot = this.#texts.length;
    if (slot * STRIDE === this.#marks.length) this.#grow();
    this.#texts.push(text);
    if (!this.#schema.textKeys) this.#keys.push(this.#schema.keyOf(text));
    this.#values.push(this.#empty);
    this.#slots.set(text, slot);
    return slot;
  }

  #grow(): void {
    const larger = new Float64Array(this.#marks.length * 2);
    larger.set(this.#marks);
    this.#marks = larger;
  }

  text(slot: number): string {
    return this.#texts[slot] as string;
  }

  key(slot: number): Key {
    return this.#schema.textKeys ? (this.#texts[slot] as string) : (this.#keys[slot] as Key);
  }

  value(slot: number): Value {
    return this.#values[slot];
  }

  has(slot: number): boolean {
    return (this.#marks[slot * STRIDE + ORIGIN] as number) > 0;
  }

  /** Number of the origin of the key's latest write or, without a row, of its removal. */
  origin(slot: number): number {
    return Math.abs(this.#marks[slot * STRIDE + ORIGIN] as number) - 1;
  }

  /** Sequence of the key's latest write or removal; 0 when it never had any. */
  sequence(slot: number): number {
    return this.#marks[slot * STRIDE + SEQUENCE] as number;
  }

  stamp(slot: number): number {
    return this.#marks[slot * STRIDE + STAMP] as number;
  }

  /** Forgets what removed a key that has no row, as if the key had never had one. */
  forget(slot: number): void {
    this.#marks.fill(0, slot * STRIDE, (slot + 1) * STRIDE);
  }

  /** Lowers every later stamp to `stamp`. */
  limitStamps(stamp: number): void {
    const marks = this.#marks;
    for (let at = 0; at < this.slots * STRIDE; at += STRIDE)
      if ((marks[at + STAMP] as number) > stamp) marks[at + STAMP] = stamp;
  }

  /** The key's latest write or removal, as it is now. */
  dot(slot: number): Dot {
    return { origin: this.origin(slot), sequence: this.sequence(slot), stamp: this.stamp(slot) };
  }

  /** Stamp from which the row's expiry counts. */
  expiryBase(slot: number): number {
    return this.#marks[slot * STRIDE + this.#base] as number;
  }

  /** Puts a value under a version; a row that was there keeps its place and time of creation. */
  put(slot: number, value: Value, by: Dot): void {
    const at = slot * STRIDE;
    if ((this.#marks[at + ORIGIN] as number) <= 0) this.#appear(slot, by.stamp);
    const marks = this.#marks;
    this.#values[slot] = value;
    marks[at + SEQUENCE] = by.sequence;
    marks[at + STAMP] = by.stamp;
    marks[at + ORIGIN] = by.origin + 1;
  }

  /** Puts the values of a run of writes: the one at `index` goes to the slot that its key number stands for. */
  putRun(writes: RunOfWrites): void {
    const { slots, ids, values, stamps, origin, firstSequence } = writes;
    const marks = this.#marks;
    const table = this.#values;
    for (let index = writes.from; index < writes.end; index++) {
      const slot = slots[ids[index] as number] as number;
      const at = slot * STRIDE;
      const stamp = stamps === undefined ? writes.stamp : (stamps[index] as number);
      if ((marks[at + ORIGIN] as number) <= 0) this.#appear(slot, stamp);
      table[slot] = values === undefined ? undefined : values[index];
      marks[at + SEQUENCE] = firstSequence + index;
      marks[at + STAMP] = stamp;
      marks[at + ORIGIN] = origin + 1;
    }
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
    this.#marks[slot * STRIDE + CREATED] = stamp;
  }

  /** Sets the time of creation that a checkpoint remembers. */
  setCreated(slot: number, stamp: number): void {
    this.#marks[slot * STRIDE + CREATED] = stamp;
  }

  /** Takes the row away if there is one; the key keeps its slot, which remembers what removed it. */
  remove(slot: number, by: Dot): void {
    const marks = this.#marks;
    const at = slot * STRIDE;
    if ((marks[at + ORIGIN] as number) > 0) {
      this.#values[slot] = this.#empty;
      this.size--;
    }
    marks[at + SEQUENCE] = by.sequence;
    marks[at + STAMP] = by.stamp;
    marks[at + ORIGIN] = -by.origin - 1;
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
    this.#marks.fill(0, next * STRIDE);
    this.#texts.length = next;
    this.#values.length = next;
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
    this.#values[to] = this.#values[from];
    this.#marks.copyWithin(to * STRIDE, from * STRIDE, (from + 1) * STRIDE);
  }
}
