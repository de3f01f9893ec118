import type { OrderKey } from './order.ts';

/** A view's row is a key with its value: of a table, or of what a view makes of it. */
export interface ViewRow<K = unknown, V = unknown> {
  readonly key: K;
  readonly value: V;
}

/** A difference is what became another in a view: told once, and never of what a batch took back. */
export interface Difference<K = unknown, V = unknown> {
  readonly kind: 'new' | 'changed' | 'removed';
  readonly key: K;
  /** Holds the value now; undefined when the row is gone. */
  readonly value: V | undefined;
  /** Holds the value before; undefined when there was no row. */
  readonly previous: V | undefined;
}

/** An entry is what the functions of a view said of one row: they are asked once, and never for one that goes. */
export interface Entry {
  /** Tells the rows of one view apart: the slot of a key, or what names a group. */
  id: unknown;
  readonly row: ViewRow;
  /** Is what the row is ordered by, in views that order; the last tells any two rows apart. */
  readonly order: readonly OrderKey[];
  readonly group: unknown;
  /** Are the values that go into the aggregates, in their order. */
  readonly inputs: readonly unknown[];
}

/** A stage takes in what becomes of rows, one after the other, and hands on what comes of it. */
export interface Stage {
  /** The entry under an id as it stands. */
  find(id: unknown): Entry | undefined;
  /** Puts an entry in another's place; `before` is what {@link find} gives. */
  replace(before: Entry | undefined, after: Entry | undefined): void;
  /** Hands on what was put off until all that happened at once was taken in. */
  flush(): void;
  /** Gives every entry that came in the new number of its slot. */
  renumber(numbers: Int32Array): void;
}
