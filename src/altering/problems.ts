import { Subject } from 'rxjs/internal/Subject';
import type { TablecastError } from '../errors.ts';

/** Most rows of which it is remembered that they were told; others are told and counted each time. */
const MAX_TOLD_ROWS = 1000;

/** Tells what an alteration could not do as it was asked. */
export type AlterProblem =
  /** A row that the other table cannot have. It stands where it is, and is tried again when it changes. */
  | { readonly kind: 'unmapped'; readonly table: string; readonly key: unknown; readonly reason: string }
  /** A row that was written on both sides since they were last alike. `kept` is what both show now, as of `table`. */
  | {
      readonly kind: 'conflict';
      readonly table: string;
      readonly key: unknown;
      readonly kept: unknown;
      readonly lost: unknown;
    }
  /** The node takes no writes at present; what waits is tried again. */
  | { readonly kind: 'waiting'; readonly error: TablecastError };

/** Tells problems, each unmapped row once, and counts them: of a batch that is taken back, nothing. */
export class Problems {
  readonly told: Subject<AlterProblem> = new Subject();
  readonly #unmapped = new Map<string, string>();
  #held: (() => void)[] = [];
  conflicts = 0;
  unmappedRows = 0;

  /** Notes a row that could not be carried. `name` tells it from all others. */
  unmapped(name: string, problem: Extract<AlterProblem, { kind: 'unmapped' }>): void {
    this.#held.push(() => {
      if (this.#unmapped.get(name) === problem.reason) return;
      if (!this.#unmapped.has(name)) this.unmappedRows++;
      if (this.#unmapped.size < MAX_TOLD_ROWS) this.#unmapped.set(name, problem.reason);
      this.told.next(problem);
    });
  }

  /** Notes that it was carried, or is gone. */
  solved(name: string): void {
    this.#held.push(() => {
      if (this.#unmapped.delete(name)) this.unmappedRows--;
    });
  }

  conflict(problem: Extract<AlterProblem, { kind: 'conflict' }>): void {
    this.#held.push(() => {
      this.conflicts++;
      this.told.next(problem);
    });
  }

  /** Tells what was noted since the last call. */
  tell(): void {
    for (const note of this.#held.splice(0)) note();
  }

  /** Forgets what was noted since the last call. */
  forget(): void {
    this.#held = [];
  }
}
