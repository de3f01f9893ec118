import { counted } from './counted.ts';
import { TablecastError, fromFailure, toFailure } from '../errors.ts';
import type { MapTable, SetTable, Table } from '../index.ts';

/** Rows written and not yet confirmed at which writing waits. */
const MAX_UNCONFIRMED = 8192;
const ROWS_PER_TURN = 1024;

/** A target is where rows go. */
export interface WriteTarget {
  readonly table: Table;
  /** Resolves once the given number of rows, of those written so far, are durable where they belong. */
  confirmed(count: number, written: number): Promise<void>;
  /** Counts the rows written that are known to be durable, from the first on. */
  standing(): number;
}

/** Writes many rows into a table, no faster than they become durable where they belong, and lets others have their turn. */
export class PacedWrites {
  readonly #target: WriteTarget;
  rows = 0;
  /** Keys that the table did not have before. */
  newKeys = 0;

  constructor(target: WriteTarget) {
    this.#target = target;
  }

  /** Writes one row; a set takes the key alone. Throws `KEY_INVALID` or `VALUE_INVALID`. */
  write(key: unknown, value: unknown): void {
    const { table } = this.#target;
    const { size } = table;
    if (table.declaration.value === undefined) (table as unknown as SetTable).add(key);
    else (table as MapTable).set(key, value);
    this.rows++;
    if (table.size > size) this.newKeys++;
  }

  /** To be awaited after each row; true when others had their turn. */
  async paced(): Promise<boolean> {
    if (this.rows % ROWS_PER_TURN !== 0) return false;
    await this.#target.confirmed(this.rows - MAX_UNCONFIRMED, this.rows);
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  /** Resolves when every row is durable where it belongs. */
  async end(): Promise<void> {
    await this.#target.confirmed(this.rows, this.rows);
  }

  /**
   * Makes the error that ended the writing, with how much of it stands for certain. When only what is read is
   * at fault, all that was written before is waited for.
   */
  async ended(error: unknown, readingOnly: boolean = false): Promise<unknown> {
    if (!readingOnly) return this.#withStanding(error);
    try {
      await this.end();
    } catch (failure) {
      return this.#withStanding(failure);
    }
    return this.#withStanding(error);
  }

  #withStanding(error: unknown): unknown {
    if (!(error instanceof TablecastError) || this.rows === 0) return error;
    const standing = Math.min(this.#target.standing(), this.rows);
    const message = `${error.message.replace(/\.$/, '')}. Of ${counted(this.rows, 'row')} written ${standing} stand for certain.`;
    const details = { ...error.details, standing };
    return fromFailure({ ...toFailure(error), message, details }, error);
  }
}
