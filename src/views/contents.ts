import type { Entry, Stage, ViewRow } from './rows-of-views.ts';

/** The contents are what a view shows, as rows in an order. */
export interface Contents extends Stage {
  readonly size: number;
  /** The entry under an id, if it is shown. */
  shown(id: unknown): Entry | undefined;
  /** The rows, in order: a new array each time. */
  rows(): ViewRow[];
}

/** Is called with each entry that took another's place in what a view shows. */
export type Replaced = (before: Entry | undefined, after: Entry | undefined) => void;

/** Gives entries that are kept by slot the new numbers of theirs. */
export function renumberIn(entries: Map<unknown, Entry>, numbers: Int32Array): void {
  const all = [...entries.values()];
  entries.clear();
  for (const entry of all) {
    entry.id = numbers[entry.id as number];
    entries.set(entry.id, entry);
  }
}

/** Rows in the order in which they came into the view. */
export class Unordered implements Contents {
  readonly #entries = new Map<unknown, Entry>();
  readonly #replaced: Replaced;

  constructor(replaced: Replaced) {
    this.#replaced = replaced;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(id: unknown): Entry | undefined {
    return this.#entries.get(id);
  }

  shown(id: unknown): Entry | undefined {
    return this.#entries.get(id);
  }

  replace(before: Entry | undefined, after: Entry | undefined): void {
    if (after !== undefined) this.#entries.set(after.id, after);
    else if (before !== undefined) this.#entries.delete(before.id);
    else return;
    this.#replaced(before, after);
  }

  flush(): void {
    // Everything was handed on at once.
  }

  renumber(numbers: Int32Array): void {
    renumberIn(this.#entries, numbers);
  }

  rows(): ViewRow[] {
    return Array.from(this.#entries.values(), ({ row }) => row);
  }
}
