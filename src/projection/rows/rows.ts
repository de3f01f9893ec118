import type { Work } from '../../work/slices.ts';
import type { Key, Schema, Value } from '../../schema/index.ts';
import type { Beginnings } from './beginnings.ts';
import { BulkRows } from './bulk-rows.ts';
import type { Dot } from './dot.ts';
import { RowColumns } from './row-columns.ts';
import { RowKeys } from './row-keys.ts';
import { RowsFork } from './rows-fork.ts';
import { SlotIterator } from './slot-iterator.ts';
import { Touches } from './touches.ts';
import type { RowsWatch } from './rows-watch.ts';

/** Slots whose rows are copied in a step of work, and in a unit of it. */
const COPIED_PER_STEP = 4096;
const COPIED_PER_UNIT = 64;

/** A copy of rows, and what changes it. */
export interface Forked {
  readonly rows: Rows;
  readonly fork: RowsFork;
}

/**
 * The rows of one table, a slot per key ever named and not yet forgotten: here one by one, in `bulk` many at once.
 * Keys with a row are kept in the order in which their rows appeared, like a Map's.
 *
 * A removed key keeps its slot, because dictionaries of the log may refer to it; see {@link BulkRows.compact}.
 */
export class Rows {
  readonly bulk: BulkRows;
  readonly #schema: Schema;
  readonly #keys: RowKeys;
  readonly #columns: RowColumns;
  /** Until when touches prolong the lives of rows; undefined in tables that do not expire after the last write. */
  readonly touches: Touches | undefined;

  constructor(schema: Schema, keys: RowKeys = new RowKeys(schema)) {
    this.#schema = schema;
    this.#keys = keys;
    this.#columns = new RowColumns(schema);
    if (schema.expiry?.kind === 'write') this.touches = new Touches();
    this.bulk = new BulkRows(keys, this.#columns);
  }

  get watch(): RowsWatch | undefined {
    return this.#columns.watch;
  }

  set watch(watch: RowsWatch | undefined) {
    this.#columns.watch = watch;
  }

  /** Rows there are. */
  get size(): number {
    return this.#columns.size;
  }

  /** Slots in use, with or without a row. */
  get slots(): number {
    return this.#keys.count;
  }

  /** Slots with a row, in the order in which the rows appeared. */
  live(): SlotIterator {
    return new SlotIterator(this.#keys, this.#columns, 1);
  }

  /** Slots of keys without a row that once had one, in the same order. */
  removals(): SlotIterator {
    return new SlotIterator(this.#keys, this.#columns, -1);
  }

  /** The slot of a key that has a row. */
  find(text: string): number | undefined {
    const slot = this.#keys.index.find(text);
    return slot !== undefined && this.has(slot) ? slot : undefined;
  }

  /** The slot of a key, with or without a row, if it has one. */
  known(text: string): number | undefined {
    return this.#keys.index.find(text);
  }

  /** The slot of a key, new and without a row if the key was not known. */
  slotOf(text: string): number {
    return this.#keys.index.find(text) ?? this.newSlot(text);
  }

  /** Makes a slot without a row for a key that has none. */
  newSlot(text: string): number {
    const slot = this.#keys.add(text);
    this.#columns.add(slot);
    return slot;
  }

  text(slot: number): string {
    return this.#keys.index.texts[slot] as string;
  }

  key(slot: number): Key {
    return this.#keys.at(slot);
  }

  value(slot: number): Value {
    return this.#columns.value(slot);
  }

  has(slot: number): boolean {
    return (this.#columns.authors[slot] as number) > 0;
  }

  /** Number of the origin of the key's latest write or, without a row, of its removal. */
  origin(slot: number): number {
    return Math.abs(this.#columns.authors[slot] as number) - 1;
  }

  /** Sequence of the key's latest write or removal; 0 when it never had any. */
  sequence(slot: number): number {
    return this.#columns.versions[2 * slot] as number;
  }

  stamp(slot: number): number {
    return this.#columns.versions[2 * slot + 1] as number;
  }

  /** The key's latest write or removal, as it is now. */
  dot(slot: number): Dot {
    return this.#columns.dot(slot);
  }

  /** Stamp from which the row's expiry counts. */
  expiryBase(slot: number): number {
    if (this.touches !== undefined) return Math.max(this.stamp(slot), this.touches.of(slot));
    return this.beginnings === undefined ? this.stamp(slot) : this.beginnings.time(slot);
  }

  /** With what the lives of rows began; undefined in tables that do not expire by creation. */
  get beginnings(): Beginnings | undefined {
    return this.#columns.beginnings;
  }

  /** Puts a value under a version; a row that was there keeps its place and time of creation. */
  put(slot: number, value: Value, by: Dot): void {
    const columns = this.#columns;
    if (columns.watch !== undefined && !(columns.has(slot) && Object.is(columns.value(slot), value)))
      columns.watch.touched(slot);
    if ((columns.authors[slot] as number) <= 0) {
      this.#keys.appear(slot);
      columns.size++;
      columns.beginnings?.set(slot, by);
    }
    columns.put(slot, value, by);
    this.touches?.written(slot, by.stamp);
  }

  /** Takes the row away if there is one; the key keeps its slot, which remembers what removed it. */
  remove(slot: number, by: Dot): void {
    const columns = this.#columns;
    if (this.has(slot)) {
      columns.size--;
      columns.watch?.touched(slot);
    }
    columns.remove(slot, by);
    this.touches?.forget(slot);
  }

  /** Forgets what removed a key that has no row, as if the key had never had one. */
  forget(slot: number): void {
    this.#columns.authors[slot] = 0;
    this.#columns.versions.fill(0, 2 * slot, 2 * slot + 2);
  }

  /** Copies these rows while they are read and written; see {@link RowsFork}. */
  *fork(): Work<Forked> {
    const keys = this.#keys.shared();
    const rows = new Rows(this.#schema, keys);
    const fork = new RowsFork({ keys: this.#keys, columns: this.#columns }, { keys, columns: rows.#columns });
    rows.#columns.resize(this.#columns.authors.length);
    const count = this.slots;
    for (let slot = 0; slot < count; slot++) {
      fork.copySlot(slot);
      if (slot % COPIED_PER_STEP === 0) yield COPIED_PER_STEP / COPIED_PER_UNIT;
    }
    return { rows, fork };
  }
}
