import type { Environment } from '../../environment.ts';

/** Rows per second that Zeek is asked for without a suspicion, on average, and at once after a pause. */
const ROWS_PER_S = 1000;
const MAX_ROWS = 50_000;

/** The budget bounds the rows that Zeek is asked for only to be sure. A large table is asked for, and paid for later. */
export class RowBudget {
  readonly #environment: Environment;
  #rows = MAX_ROWS;
  #at: number;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#at = environment.now();
  }

  /** Returns whether a table of so many rows may be asked for now; if so, they are spent. */
  spend(rows: number): boolean {
    const now = this.#environment.now();
    const earned = (Math.max(0, now - this.#at) / 1000) * ROWS_PER_S;
    this.#rows = Math.min(MAX_ROWS, this.#rows + earned);
    this.#at = now;
    if (this.#rows < Math.min(rows, MAX_ROWS)) return false;
    this.#rows -= rows;
    return true;
  }
}
