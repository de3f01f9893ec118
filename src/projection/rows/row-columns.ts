import type { Schema, Value } from '../../schema/index.ts';
import { Beginnings } from './beginnings.ts';
import type { Dot } from './dot.ts';
import type { RowsWatch } from './rows-watch.ts';

const INITIAL_CAPACITY = 64;
/** Most places made beyond those that are asked for. */
const MOST_SPARE = 1 << 20;

/**
 * The columns hold what stands in each slot of a table, as parallel arrays. The fields are read and written for every operation,
 * by the files of this folder alone.
 */
export class RowColumns {
  /** Rows there are. */
  size = 0;
  watch: RowsWatch | undefined;
  /**
   * Per slot the number of the origin of the latest write, plus 1; negative when the key has no row, 0
   * when it never had one. Apart from sequences and stamps, because every write reads it: the smaller
   * it is, the more of it is in the processor's cache.
   */
  authors: Int32Array = new Int32Array(INITIAL_CAPACITY);
  /** Per slot sequence and stamp of the latest write, side by side. */
  versions: Float64Array = new Float64Array(2 * INITIAL_CAPACITY);
  /** Values that may be something else than numbers; those of type double are in `numbers`. */
  values: Value[] = [];
  numbers: Float64Array | undefined;
  /** Holds when rows began, in tables that expire by creation only. */
  beginnings: Beginnings | undefined;
  /** Is the value of a slot without a row, where values are no doubles. */
  readonly empty: Value;

  constructor(schema: Schema) {
    this.empty = schema.column === 'double' || schema.column === 'integer' ? 0 : undefined;
    if (schema.column === 'double') this.numbers = new Float64Array(INITIAL_CAPACITY);
    if (schema.expiry?.kind === 'create') this.beginnings = new Beginnings(INITIAL_CAPACITY);
  }

  has(slot: number): boolean {
    return (this.authors[slot] as number) > 0;
  }

  value(slot: number): Value {
    return this.numbers === undefined ? this.values[slot] : this.numbers[slot];
  }

  dot(slot: number): Dot {
    const origin = Math.abs(this.authors[slot] as number) - 1;
    const at = 2 * slot;
    return { origin, sequence: this.versions[at] as number, stamp: this.versions[at + 1] as number };
  }

  /** Makes room for a slot, the next. */
  add(slot: number): void {
    if (slot === this.authors.length) this.resize(2 * slot);
    if (this.numbers === undefined) this.values.push(this.empty);
  }

  /** Makes room for so many slots at once. */
  reserve(slots: number): void {
    const { length } = this.authors;
    if (slots > length) this.resize(Math.max(slots, Math.min(2 * length, slots + MOST_SPARE)));
  }

  resize(capacity: number): void {
    const authors = new Int32Array(capacity);
    authors.set(this.authors);
    this.authors = authors;
    this.versions = resized(this.versions, 2 * capacity);
    if (this.numbers !== undefined) this.numbers = resized(this.numbers, capacity);
    this.beginnings?.resize(capacity);
  }

  /** Puts a value under a version; counts no row for it. */
  put(slot: number, value: Value, by: Dot): void {
    if (this.numbers === undefined) this.values[slot] = value;
    else this.numbers[slot] = value as number;
    const { versions } = this;
    versions[2 * slot] = by.sequence;
    versions[2 * slot + 1] = by.stamp;
    this.authors[slot] = by.origin + 1;
  }

  /** Takes the value of a slot away under a version; counts no row less for it. */
  remove(slot: number, by: Dot): void {
    if (this.numbers === undefined) this.values[slot] = this.empty;
    else this.numbers[slot] = 0;
    this.versions[2 * slot] = by.sequence;
    this.versions[2 * slot + 1] = by.stamp;
    this.authors[slot] = -by.origin - 1;
  }

  /** Puts what other columns have in a slot into one of these, which counts no row for it. */
  copy(from: RowColumns, slot: number, to: number = slot): void {
    this.authors[to] = from.authors[slot] as number;
    this.versions[2 * to] = from.versions[2 * slot] as number;
    this.versions[2 * to + 1] = from.versions[2 * slot + 1] as number;
    if (this.numbers === undefined) this.values[to] = from.values[slot];
    else this.numbers[to] = (from.numbers as Float64Array)[slot] as number;
    if (from.beginnings !== undefined) this.beginnings?.copy(from.beginnings, slot, to);
  }

  /** Returns whether the same write and value stand in a slot of both: a counter may change under one write. */
  isSame(other: RowColumns, slot: number): boolean {
    const values: readonly Value[] | Float64Array = this.numbers ?? this.values;
    const others: readonly Value[] | Float64Array = other.numbers ?? other.values;
    return (
      this.authors[slot] === other.authors[slot] &&
      this.versions[2 * slot] === other.versions[2 * slot] &&
      values[slot] === others[slot]
    );
  }

  /** Empties all slots from one on. */
  cut(slots: number): void {
    this.authors.fill(0, slots);
    this.versions.fill(0, 2 * slots);
    if (this.numbers === undefined) this.values.length = slots;
    else this.numbers.fill(0, slots);
  }

  /** Holds what others hold, and they what was here. */
  exchange(other: RowColumns): void {
    if (other.authors.length < this.authors.length) other.resize(this.authors.length);
    const { size, authors, versions, values, numbers, beginnings } = this;
    this.#hold(other);
    other.#hold({ size, authors, versions, values, numbers, beginnings });
  }

  #hold(columns: HeldColumns): void {
    this.size = columns.size;
    this.authors = columns.authors;
    this.versions = columns.versions;
    this.values = columns.values;
    this.numbers = columns.numbers;
    this.beginnings = columns.beginnings;
  }
}

type HeldColumns = Pick<RowColumns, 'size' | 'authors' | 'versions' | 'values' | 'numbers' | 'beginnings'>;

export function resized(values: Float64Array, length: number): Float64Array {
  const larger = new Float64Array(length);
  larger.set(values);
  return larger;
}
