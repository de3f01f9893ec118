import type { RowColumns } from './row-columns.ts';
import type { RowKeys } from './row-keys.ts';
import { SlotOrder, type SlotWalk } from './slot-order.ts';

/**
 * Walks through the slots of a table that have a row, or had one, in the order of the keys, as a Map's iterators do while it
 * changes. Whoever takes steps pays for no result of an iterator.
 */
export class SlotIterator implements IterableIterator<number, undefined> {
  readonly #keys: RowKeys;
  readonly #columns: RowColumns;
  readonly #sign: 1 | -1;
  #walk: SlotWalk | undefined;

  /** The sign is that of the authors of the slots that are wanted: see {@link RowColumns.authors}. */
  constructor(keys: RowKeys, columns: RowColumns, sign: 1 | -1) {
    this.#keys = keys;
    this.#columns = columns;
    this.#sign = sign;
  }

  /** Returns the next slot; -1 at the end. */
  step(): number {
    const walk = (this.#walk ??= { order: this.#keys.order, at: 0, isOver: false });
    const { authors } = this.#columns;
    for (;;) {
      const slot = SlotOrder.step(walk);
      if (slot < 0 || (authors[slot] as number) * this.#sign > 0) return slot;
    }
  }

  next(): IteratorResult<number, undefined> {
    const slot = this.step();
    return slot < 0 ? { done: true, value: undefined } : { done: false, value: slot };
  }

  [Symbol.iterator](): this {
    return this;
  }
}
