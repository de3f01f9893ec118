import type { Value } from '../schema/index.ts';
import type { Dot, Rows } from './rows.ts';
import type { Versions } from './versions.ts';

/** What was in a slot before a write. */
interface Before {
  readonly slot: number;
  readonly present: boolean;
  readonly value: Value;
  readonly dot: Dot;
  readonly created: number;
}

/** Remembers what the writes of a batch replace, so that they can be taken back. */
export class Undo {
  readonly #rows: Rows;
  readonly #versions: Versions;
  readonly #cleared: Dot | undefined;
  readonly #latestClear: Dot | undefined;
  readonly #writes: Before[] = [];

  constructor(rows: Rows, versions: Versions) {
    this.#rows = rows;
    this.#versions = versions;
    this.#cleared = versions.cleared;
    this.#latestClear = versions.latestClear;
  }

  /** Call before a slot is written. */
  remember(slot: number): void {
    const rows = this.#rows;
    const dot = rows.dot(slot);
    const created = rows.expiryBase(slot);
    this.#writes.push({ slot, present: rows.has(slot), value: rows.value(slot), dot, created });
  }

  /** Puts every row back; one that comes back is last in iteration. Returns the slots. */
  takeBack(): number[] {
    for (const { slot, present, value, dot, created } of this.#writes.toReversed()) {
      if (present) {
        this.#rows.put(slot, value, dot);
        this.#rows.setCreated(slot, created);
      } else {
        this.#rows.remove(slot, dot);
      }
    }
    this.#versions.cleared = this.#cleared;
    this.#versions.latestClear = this.#latestClear;
    return this.#writes.map(({ slot }) => slot);
  }
}
