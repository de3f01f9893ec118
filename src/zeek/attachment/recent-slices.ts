import type { AttachedTable } from './attached-table.ts';

/** Bounds how long a change of Zeek's may have crossed rows that were sent to it. */
const CROSSING_MS = 2000;
/** Keys remembered; the oldest slices go first. */
const MAX_KEYS = 131_072;

interface Slice {
  readonly attached: AttachedTable;
  readonly topic: string;
  readonly keys: ReadonlySet<string>;
  readonly at: number;
}

/**
 * The recent slices say which rows of whole tables were sent a moment ago. A change that Zeek made meanwhile
 * may have reached its nodes before those rows, and would be undone by them.
 */
export class RecentSlices {
  #slices: Slice[] = [];
  #keys = 0;

  add(slice: Slice): void {
    this.#forget(slice.at);
    this.#slices.push(slice);
    this.#keys += slice.keys.size;
    while (this.#keys > MAX_KEYS && this.#slices.length > 1) this.#drop(1);
  }

  /** Topics on which a row was sent so late that a change that is heard of now may have crossed it. */
  crossed(attached: AttachedTable, key: string, now: number): readonly string[] {
    if (this.#slices.length === 0) return [];
    this.#forget(now);
    const hit = this.#slices.filter((slice) => slice.attached === attached && slice.keys.has(key));
    return [...new Set(hit.map(({ topic }) => topic))];
  }

  #forget(now: number): void {
    const kept = this.#slices.findIndex(({ at }) => at > now - CROSSING_MS);
    this.#drop(kept < 0 ? this.#slices.length : kept);
  }

  #drop(count: number): void {
    for (const { keys } of this.#slices.splice(0, count)) this.#keys -= keys.size;
  }
}
