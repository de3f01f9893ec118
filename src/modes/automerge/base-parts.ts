import type { BaseRow, RunEffects } from '../conflict-mode.ts';
import type { Change } from './change.ts';
import { partBeginning, partOf } from './genesis.ts';

/**
 * The rows from before a document, by part, until the part is begun: they go into the document as soon as anything
 * is written near them.
 */
export class BaseParts {
  readonly #on: { readonly epoch: string; readonly column: string };
  #waiting = new Map<number, readonly BaseRow[]>();
  /** Parts that anything was written to, in a document that may begin with rows. */
  readonly #written = new Set<number>();
  readonly #mayWait: boolean;

  /** `mayWait` says whether the document may begin with rows. */
  constructor(mayWait: boolean, on: { readonly epoch: string; readonly column: string }) {
    this.#mayWait = mayWait;
    this.#on = on;
  }

  /** Lets rows wait, but those of parts that were written to: these have nothing left from before. */
  begin(rows: Iterable<BaseRow>): void {
    const waiting = new Map<number, BaseRow[]>();
    for (const row of rows) {
      const part = partOf(row.text);
      if (this.#written.has(part)) continue;
      const known = waiting.get(part);
      if (known === undefined) waiting.set(part, [row]);
      else known.push(row);
    }
    this.#waiting = waiting;
  }

  noteWritten(text: string): void {
    if (this.#mayWait) this.#written.add(partOf(text));
  }

  /** Returns the parts that a run writes near. */
  near({ cleared, keys }: RunEffects): Iterable<number> {
    if (this.#waiting.size === 0) return [];
    return cleared ? [...this.#waiting.keys()] : Array.from(keys.keys(), partOf);
  }

  /** Takes the rows of a part out, once; undefined when none wait. */
  take(part: number): readonly BaseRow[] | undefined {
    const rows = this.#waiting.get(part);
    this.#waiting.delete(part);
    return rows;
  }

  putBack(part: number, rows: readonly BaseRow[]): void {
    this.#waiting.set(part, rows);
  }

  /** The rows that wait beside a key, itself included; undefined when its part is begun, or had none. */
  beside(text: string): readonly BaseRow[] | undefined {
    return this.#waiting.get(partOf(text));
  }

  /** Returns the changes that put the rows of a part into the document, the same on every node. */
  beginningOf(part: number, rows: readonly BaseRow[]): Change[] {
    return partBeginning(part, rows, this.#on);
  }

  /** Returns the changes that would begin every part that waits. */
  untouched(): Change[] {
    return Array.from(this.#waiting, ([part, rows]) => this.beginningOf(part, rows)).flat();
  }
}
