import type { Value } from '../../schema/index.ts';
import type { Dot } from './dot.ts';
import type { RowColumns } from './row-columns.ts';
import type { RowKeys } from './row-keys.ts';

/** A side of a fork: the rows that are copied, or the copy. */
interface Side {
  readonly keys: RowKeys;
  readonly columns: RowColumns;
}

/** Changes a copy of rows, which has their keys, while they are read and written. Slots must keep their numbers meanwhile. */
export class RowsFork {
  readonly #live: Side;
  readonly #copy: Side;

  constructor(live: Side, copy: Side) {
    this.#live = live;
    this.#copy = copy;
  }

  /** Makes what stands in a slot of the copy what stands there in the rows. */
  copySlot(slot: number): void {
    const [from, to] = [this.#live.columns, this.#copy.columns];
    if (slot >= to.authors.length) to.resize(from.authors.length);
    if (from.has(slot) !== to.has(slot)) to.size += from.has(slot) ? 1 : -1;
    to.copy(from, slot);
  }

  /** Puts a row into the copy, where it keeps its place among the rows; one that appears stands last. */
  place(slot: number, row: { readonly value: Value; readonly dot: Dot; readonly created: number }): void {
    const { keys, columns } = this.#copy;
    const { value, dot, created } = row;
    if (!this.#live.columns.has(slot)) this.#live.keys.expect(slot);
    if (!columns.has(slot)) columns.size++;
    keys.noteHighest(slot);
    columns.put(slot, value, dot);
    columns.beginnings?.set(slot, dot, created);
  }

  /** Brings the copy up to the rows in one go; it stands in their order then. */
  settle(): void {
    const { keys, columns } = this.#live;
    for (let slot = 0; slot < keys.count; slot++)
      if (!columns.isSame(this.#copy.columns, slot)) this.copySlot(slot);
    this.#copy.keys.orderAs(keys);
  }
}
