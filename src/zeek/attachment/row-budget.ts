import type { Environment } from '../../environment.ts';

/** Rows per second that Zeek is asked for without a suspicion, on average, and at once after a pause. */
const ROWS_PER_S = 1000;
const MAX_ROWS = 50_000;
/** Those who wait for their turn; more ask again later. */
const MAX_WAITING = 4096;
/** A table that has not asked for so long waits no more. */
const PATIENCE_MS = 15_000;

/**
 * The budget bounds the rows that Zeek is asked for only to be sure. A large table is asked for, and paid for later.
 * Who asked first has the first turn: small tables do not use up what a large one waits for.
 */
export class RowBudget {
  readonly #environment: Environment;
  /** Holds when each asked last, those who asked first in front. */
  readonly #waiting = new Map<object, number>();
  #rows = MAX_ROWS;
  #at: number;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#at = environment.elapsed();
  }

  /** Returns whether so many rows may be asked for now, for whom; if so, they are spent. Else one asks again. */
  spend(whom: object, rows: number): boolean {
    const now = this.#environment.elapsed();
    const earned = ((now - this.#at) / 1000) * ROWS_PER_S;
    this.#rows = Math.min(MAX_ROWS, this.#rows + earned);
    this.#at = now;
    const isFirst = this.#isFirst(whom, now);
    if (isFirst && this.#rows >= Math.min(rows, MAX_ROWS)) {
      this.#waiting.delete(whom);
      this.#rows -= rows;
      return true;
    }
    if (this.#waiting.has(whom) || this.#waiting.size < MAX_WAITING) this.#waiting.set(whom, now);
    return false;
  }

  /** Returns whether nobody waits who asked before. */
  #isFirst(whom: object, now: number): boolean {
    for (const [other, at] of this.#waiting) {
      if (other === whom) return true;
      if (now - at < PATIENCE_MS) return false;
      this.#waiting.delete(other);
    }
    return true;
  }
}
