import { type Knower, hasSeen } from '../rows/beginnings.ts';
import type { Dot } from '../rows/dot.ts';
import type { TableState } from '../table-state.ts';

/**
 * The lives say which rows the writes of one run go on with, in tables whose rows expire by creation: a write
 * goes on with the life of the row that its author knew, and begins a new one where its author knew of none.
 *
 * That can be told only where nothing is missing that the author had seen: it may have been a removal. Where
 * something is, the write counts as a beginning, for a deadline too late rather than too early; its author
 * knows better, and lets the row go in time.
 *
 * In `naive` a write may come behind a removal that its author had not seen, and stand; elsewhere it came before
 * it, and is gone. So whose author had seen both may not have known the row.
 */
export class RowLives {
  readonly #table: TableState;
  readonly #run: Knower;
  #isComplete: boolean | undefined;

  constructor(table: TableState, run: Knower) {
    this.#table = table;
    this.#run = run;
  }

  /** Returns whether a write of the run begins the life of a row anew in a slot that has one. */
  beginsAnew(slot: number): boolean {
    const { rows } = this.#table;
    if (rows.beginnings?.isKnown(slot, this.#run) !== true) return true;
    this.#isComplete ??= this.#table.held.vector().covers(this.#run.seen);
    return !this.#isComplete;
  }

  /**
   * Returns the row that a write of the run replaces here, and its author had not seen: it may stand elsewhere in
   * `naive`, so that whose author had seen both may know that life.
   */
  rival(slot: number): Dot | undefined {
    const { rows, versions } = this.#table;
    if (versions.mode.comparesVersions || hasSeen(this.#run, rows.dot(slot))) return undefined;
    return { ...rows.dot(slot) };
  }

  /** Returns the removal that a write of the run comes behind, or goes on behind, and its author had not seen. */
  missed(slot: number): Dot | undefined {
    const { rows, versions } = this.#table;
    if (versions.mode.comparesVersions) return undefined;
    const removals = rows.has(slot) ? [] : versions.removals(slot);
    return [rows.beginnings?.missed(slot), ...removals].find(
      (removal) => removal !== undefined && !hasSeen(this.#run, removal),
    );
  }
}
