import type { Difference } from '../replica.ts';
import { Comparisons, type ComparisonParts } from './comparison.ts';

/** Most nodes behind a peer that a node compares its tables with; further ones are answered. */
const MAX_OTHERS = 16;
/** One without differences, of which nothing was heard for so long, makes room for another. */
const IDLE_MS = 35_000;
/** One with differences is asked again when nothing was heard of it for so long; so many times. */
const ASK_MS = 60_000;
const MOST_TIMES = 3;

/** A node behind a peer that is compared with. */
export interface Other {
  readonly id: string;
  readonly comparisons: Comparisons;
  /** Tables in which it differs. */
  readonly different: Set<string>;
  heard: number;
  asked: number;
}

/** The parts are what the other nodes are compared with. */
export interface OthersParts {
  /** Makes what a comparison with a node stands on. */
  partsFor(
    this: void,
    id: string,
    compared: (table: string, differences: readonly Difference[]) => void,
  ): ComparisonParts;
  elapsed(this: void): number;
  compared(this: void, id: string, table: string, differences: readonly Difference[]): void;
  /** Nothing more is known of a node. */
  lost(id: string): void;
}

/** The nodes behind a peer with which tables are compared: a bounded number, those that differ first. */
export class Others implements Iterable<Other> {
  readonly #parts: OthersParts;
  readonly #others = new Map<string, Other>();

  constructor(parts: OthersParts) {
    this.#parts = parts;
  }

  [Symbol.iterator](): Iterator<Other> {
    return this.#others.values();
  }

  get(id: string): Other | undefined {
    return this.#others.get(id);
  }

  /** Returns a node, which is compared with from now on if it was not; undefined where there is no room, unless it is wanted by name. */
  with(id: string, isWanted = false): Other | undefined {
    const known = this.#others.get(id);
    if (known !== undefined || (this.#others.size >= MAX_OTHERS && !isWanted)) return known;
    const { partsFor, elapsed, compared } = this.#parts;
    const different = new Set<string>();
    const comparisons = new Comparisons(
      partsFor(id, (table, differences) => {
        if (differences.length > 0) different.add(table);
        else different.delete(table);
        compared(id, table, differences);
      }),
    );
    const other: Other = { id, comparisons, different, heard: elapsed(), asked: 0 };
    this.#others.set(id, other);
    return other;
  }

  /** Asks again those of whom nothing came, and lets go those of whom nothing comes. */
  look(): void {
    const now = this.#parts.elapsed();
    for (const other of this.#others.values()) {
      other.comparisons.retry();
      const silent = now - other.heard;
      if (other.different.size === 0) {
        if (silent > IDLE_MS) this.#forget(other);
      } else if (silent > ASK_MS * (other.asked + 1)) {
        if (other.asked++ >= MOST_TIMES) this.#forget(other);
        else for (const table of other.different) other.comparisons.begin(table);
      }
    }
  }

  #forget(other: Other): void {
    other.comparisons.stop();
    this.#others.delete(other.id);
    if (other.different.size > 0) this.#parts.lost(other.id);
  }

  stop(): void {
    for (const other of this.#others.values()) this.#forget(other);
  }
}
