import type { Key, Schema, Value } from '../schema/index.ts';

const INITIAL_CAPACITY = 64;

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
  #texts: string[] = [];
  #keys: Key[] = [];
  #values: Value[] = [];
  #origins = new Int32Array(INITIAL_CAPACITY);
  #sequences: Float64Array = new Float64Array(INITIAL_CAPACITY);
  #stamps: Float64Array = new Float64Array(INITIAL_CAPACITY);
  #present = new Uint8Array(INITIAL_CAPACITY);
  #created: Float64Array | undefined;
  /** Highest slot whose row has appeared, and the number of slots when one was last moved to the end. */
  #highest = -1;
  #moved = 0;

  constructor(schema: Schema) {
    this.#schema = schema;
    this.#empty = schema.column === 'double' || schema.column === 'integer' ? 0 : undefined;
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
      if (this.#present[slot] === 0 && (this.#sequences[slot] as number) > 0) yield slot;
    }
  }

  /** The slot of a key that has a row. */
  find(text: string): number | undefined {
    const slot = this.#slots.get(text);
    return slot !== undefined && this.#present[slot] === 1 ? slot : undefined;
  }

  /** The slot of a key, with or without a row, if it has one. */
  known(text: string): number | undefined {
    return this.#slots.get(text);
  }

  /** Slots with a row, in the order in which the rows appeared. */
  *live(): Generator<number, void, undefined> {
    for (const slot of this.#slots.values()) if (this.#present[slot] === 1) yield slot;
  }

  /** The slot of a key, new and without a row if the key was not known. */
  slotOf(text: string): number {
    return this.#slots.get(text) ?? this.#newSlot(text);
  }

  #newSlot(text: string): number {
    const slot = this.#texts.length;
    if (slot === this.#origins.length) this.#grow(slot * 2);
    this.#texts.push(text);
    if (!this.#schema.textKeys) this.#keys.push(this.#schema.keyOf(text));
    this.#values.push(this.#empty);
    this.#slots.set(text, slot);
    return slot;
  }

  #grow(capacity: number): void {
    const origins = new Int32Array(capacity);
    origins.set(this.#origins);
    this.#origins = origins;
    this.#sequences = grown(this.#sequences, capacity);
    this.#stamps = grown(this.#stamps, capacity);
    const present = new Uint8Array(capacity);
    present.set(this.#present);
    this.#present = present;
    if (this.#created !== undefined) this.#created = grown(this.#created, capacity);
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
    return this.#present[slot] === 1;
  }

  /** Number of the origin of the key's latest write or, without a row, of its removal. */
  origin(slot: number): number {
    return this.#origins[slot] as number;
  }

  /** Sequence of the key's latest write or removal; 0 when it never had any. */
  sequence(slot: number): number {
    return this.#sequences[slot] as number;
  }

  stamp(slot: number): number {
    return this.#stamps[slot] as number;
  }

  /** The key's latest write or removal, as it is now. */
  dot(slot: number): Dot {
    return { origin: this.origin(slot), sequence: this.sequence(slot), stamp: this.stamp(slot) };
  }

  /** Stamp from which the row's expiry counts. */
  expiryBase(slot: number): number {
    return (this.#created ?? this.#stamps)[slot] as number;
  }

  /** Puts a value under a version; a row that was there keeps its place and time of creation. */
  put(slot: number, value: Value, by: Dot): void {
    if (this.#present[slot] === 0) this.#appear(slot, by.stamp);
    this.#values[slot] = value;
    this.#origins[slot] = by.origin;
    this.#sequences[slot] = by.sequence;
    this.#stamps[slot] = by.stamp;
  }

  /** Puts the values of a run of writes: the one at `index` goes to the slot that its key number stands for. */
  putRun(writes: RunOfWrites): void {
    const { slots, ids, values, stamps, origin, firstSequence } = writes;
    const present = this.#present;
    for (let index = writes.from; index < writes.end; index++) {
      const slot = slots[ids[index] as number] as number;
      const stamp = stamps === undefined ? writes.stamp : (stamps[index] as number);
      if (present[slot] === 0) this.#appear(slot, stamp);
      this.#values[slot] = values === undefined ? undefined : values[index];
      this.#origins[slot] = origin;
      this.#sequences[slot] = firstSequence + index;
      this.#stamps[slot] = stamp;
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
    this.#present[slot] = 1;
    this.size++;
    if (this.#created !== undefined) this.#created[slot] = stamp;
  }

  /** Sets the time of creation that a checkpoint remembers. */
  setCreated(slot: number, stamp: number): void {
    if (this.#created !== undefined) this.#created[slot] = stamp;
  }

  /** Takes the row away if there is one; the key keeps its slot, which remembers what removed it. */
  remove(slot: number, by: Dot): void {
    if (this.#present[slot] === 1) {
      this.#values[slot] = this.#empty;
      this.#present[slot] = 0;
      this.size--;
    }
    this.#origins[slot] = by.origin;
    this.#sequences[slot] = by.sequence;
    this.#stamps[slot] = by.stamp;
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
    this.#present.fill(0, next);
    this.#sequences.fill(0, next);
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
    this.#origins[to] = this.#origins[from] as number;
    this.#sequences[to] = this.#sequences[from] as number;
    this.#stamps[to] = this.#stamps[from] as number;
    this.#present[to] = this.#present[from] as number;
    if (this.#created !== undefined) this.#created[to] = this.#created[from] as number;
  }
}

function grown(values: Float64Array, capacity: number): Float64Array {
  const larger = new Float64Array(capacity);
  larger.set(values);
  return larger;
}
