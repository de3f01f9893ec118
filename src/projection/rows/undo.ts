import type { Value } from '../../schema/index.ts';
import type { Dot } from './dot.ts';
import type { Rows } from './rows.ts';
import type { Versions } from './versions.ts';

/** Before is what was in a slot before a write. */
interface Before {
  readonly slot: number;
  readonly present: boolean;
  readonly value: Value;
  readonly dot: Dot;
  readonly created: number;
}

/** Is told of each slot before an operation of this node changes it. */
export interface WriteWatch {
  remember(slot: number): void;
}

/** Remembers what the writes of a batch replace, so that they can be taken back. */
export class Undo implements WriteWatch {
  readonly #rows: Rows;
  readonly #versions: Versions;
  readonly #cleared: Dot | undefined;
  readonly #latestClear: Dot | undefined;
  readonly #writes: Before[] = [];
  /** Watches as well; also after the batch. */
  readonly also: WriteWatch | undefined;

  constructor(rows: Rows, versions: Versions, also: WriteWatch | undefined) {
    this.also = also;
    this.#rows = rows;
    this.#versions = versions;
    this.#cleared = versions.cleared;
    this.#latestClear = versions.latestClear;
  }

  /** Call before a slot is written. */
  remember(slot: number): void {
    this.also?.remember(slot);
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
        this.#rows.beginnings?.set(slot, dot, created);
        this.#rows.touches?.forget(slot);
        if (created > dot.stamp) this.#rows.touches?.note(slot, created);
      } else {
        this.#rows.remove(slot, dot);
      }
    }
    this.#versions.cleared = this.#cleared;
    this.#versions.latestClear = this.#latestClear;
    this.#rows.watch?.takenBack();
    return this.#writes.map(({ slot }) => slot);
  }
}
