import type { MapTable, SetTable, Table } from '../index.ts';

/** Rows written and not yet confirmed at which writing waits. */
const MAX_UNCONFIRMED = 8192;
const ROWS_PER_TURN = 1024;

/** Where rows go. */
export interface WriteTarget {
  readonly table: Table;
  /** Resolves once the given number of rows have arrived where they belong. */
  confirmed(count: number): Promise<void>;
}

/** Writes many rows into a table, no faster than they arrive where they belong, and lets others have their turn. */
export class PacedWrites {
  readonly #target: WriteTarget;
  rows = 0;

  constructor(target: WriteTarget) {
    this.#target = target;
  }

  /** Writes one row; a set takes the key alone. Throws `KEY_INVALID` or `VALUE_INVALID`. */
  write(key: unknown, value: unknown): void {
    const { table } = this.#target;
    if (table.declaration.value === undefined) (table as unknown as SetTable).add(key);
    else (table as MapTable).set(key, value);
    this.rows++;
  }

  /** To be awaited after each row; true when others had their turn. */
  async paced(): Promise<boolean> {
    if (this.rows % ROWS_PER_TURN !== 0) return false;
    await this.#target.confirmed(this.rows - MAX_UNCONFIRMED);
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  /** Resolves when every row has arrived. */
  async end(): Promise<void> {
    await this.#target.confirmed(this.rows);
  }
}
