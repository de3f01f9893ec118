import { type Key, type Reading, type Value, readAs } from '../schema/index.ts';

/** Gives the slots of rows in order; -1 at the end, for good. */
interface Slots {
  step(): number;
}

/** The rows that are walked through. */
interface Rows {
  live(): Slots;
  key(slot: number): Key;
  value(slot: number): Value;
}

/**
 * Iterates over what is read of each row, as a Map's iterators do: what changes meanwhile is met at its place or behind. Has
 * the methods that the platform gives iterators. Each kind has a `next` of its own, which the engine compiles for it alone.
 */
abstract class RowIterator<T> implements IterableIterator<T, undefined> {
  protected readonly slots: Slots;
  protected readonly rows: Rows;
  protected readonly reading: Reading;

  static {
    const ofArrays = Object.getPrototypeOf([][Symbol.iterator]()) as object;
    Object.setPrototypeOf(this.prototype, Object.getPrototypeOf(ofArrays) as object);
  }

  constructor(rows: Rows, reading: Reading) {
    this.slots = rows.live();
    this.rows = rows;
    this.reading = reading;
  }

  abstract next(): IteratorResult<T, undefined>;

  [Symbol.iterator](): this {
    return this;
  }
}

/** Iterates over the keys of rows. */
export class KeyIterator<K> extends RowIterator<K> {
  next(): IteratorResult<K, undefined> {
    const slot = this.slots.step();
    if (slot < 0) return { done: true, value: undefined };
    return { done: false, value: readAs(this.reading.key, this.rows.key(slot)) as K };
  }
}

/** Iterates over the values of rows. */
export class ValueIterator<V> extends RowIterator<V> {
  next(): IteratorResult<V, undefined> {
    const slot = this.slots.step();
    if (slot < 0) return { done: true, value: undefined };
    const { value } = this.reading;
    const held = this.rows.value(slot);
    // Whoever reads values as they are held pays for no key.
    const read = value === undefined ? held : readAs(value, held, this.rows.key(slot));
    return { done: false, value: read as V };
  }
}

/** Iterates over the rows of a map: key and value. */
export class EntryIterator<K, V> extends RowIterator<[K, V]> {
  next(): IteratorResult<[K, V], undefined> {
    const slot = this.slots.step();
    if (slot < 0) return { done: true, value: undefined };
    const { key, value } = this.reading;
    const held = this.rows.key(slot);
    const read = readAs(value, this.rows.value(slot), held) as V;
    return { done: false, value: [readAs(key, held) as K, read] };
  }
}

/** Iterates over the members of a set, each twice as a Set's entries have it. */
export class MemberIterator<K> extends RowIterator<[K, K]> {
  next(): IteratorResult<[K, K], undefined> {
    const slot = this.slots.step();
    if (slot < 0) return { done: true, value: undefined };
    const read = readAs(this.reading.key, this.rows.key(slot)) as K;
    return { done: false, value: [read, read] };
  }
}
