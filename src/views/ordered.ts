import { type Contents, type Replaced, renumberIn } from './contents.ts';
import { compareKeys } from './order.ts';
import type { Entry, ViewRow } from './rows-of-views.ts';
import { type ItemOrder, SortedBlocks } from './sorted-blocks.ts';

/** Returns the order of entries whose columns descend where it is said; the last, which tells all apart, ascends. */
export function orderOf(descending: readonly boolean[]): ItemOrder<Entry> {
  return {
    leading: ({ order }) => order[0],
    isDescending: descending[0] === true,
    compare: (one, other) => {
      for (let column = 0; column < one.order.length; column++) {
        const order = compareKeys(one.order[column], other.order[column]);
        if (order !== 0) return descending[column] === true ? -order : order;
      }
      return 0;
    },
  };
}

/** Rows in an order, all or the first: those behind are kept for when one before them goes. */
export class Ordered implements Contents {
  readonly #entries = new Map<unknown, Entry>();
  readonly #sorted: SortedBlocks<Entry>;
  readonly #compare: ItemOrder<Entry>['compare'];
  readonly #limit: number;
  readonly #replaced: Replaced;
  /** Entries that came before the first flush are sorted all at once. */
  #isFilled = false;
  /** The last that is shown, while there are more. */
  #last: Entry | undefined;

  constructor(order: ItemOrder<Entry>, limit: number, replaced: Replaced) {
    this.#compare = order.compare;
    this.#limit = limit;
    this.#replaced = replaced;
    this.#sorted = new SortedBlocks(order);
  }

  get size(): number {
    return Math.min(this.#limit, this.#sorted.size);
  }

  find(id: unknown): Entry | undefined {
    return this.#entries.get(id);
  }

  shown(id: unknown): Entry | undefined {
    const entry = this.#entries.get(id);
    return entry !== undefined && this.#isShown(entry) ? entry : undefined;
  }

  #isShown(entry: Entry): boolean {
    return this.#last === undefined || this.#compare(entry, this.#last) <= 0;
  }

  replace(before: Entry | undefined, after: Entry | undefined): void {
    if (after !== undefined) this.#entries.set(after.id, after);
    else if (before !== undefined) this.#entries.delete(before.id);
    if (!this.#isFilled) return;
    if (before !== undefined && after !== undefined && this.#compare(before, after) === 0)
      return this.#exchange(before, after);
    if (before !== undefined) this.#takeOut(before);
    if (after !== undefined) this.#putIn(after);
  }

  #exchange(before: Entry, after: Entry): void {
    this.#sorted.exchange(after);
    if (!this.#isShown(after)) return;
    if (this.#last === before) this.#last = after;
    this.#replaced(before, after);
  }

  #takeOut(entry: Entry): void {
    const wasShown = this.#isShown(entry);
    this.#sorted.delete(entry);
    if (!wasShown) return;
    this.#replaced(entry, undefined);
    if (this.#last === undefined) return;
    const next = this.#sorted.at(this.#limit - 1);
    if (next !== undefined) this.#replaced(undefined, next);
    this.#findLast();
  }

  #putIn(entry: Entry): void {
    const shows = this.#isShown(entry);
    this.#sorted.add(entry);
    if (!shows) return;
    this.#replaced(undefined, entry);
    this.#findLast();
    if (this.#sorted.size > this.#limit) this.#replaced(this.#sorted.at(this.#limit), undefined);
  }

  #findLast(): void {
    this.#last = this.#sorted.size >= this.#limit ? this.#sorted.at(this.#limit - 1) : undefined;
  }

  flush(): void {
    if (this.#isFilled) return;
    this.#isFilled = true;
    this.#sorted.replace([...this.#entries.values()]);
    this.#findLast();
  }

  renumber(numbers: Int32Array): void {
    renumberIn(this.#entries, numbers);
  }

  rows(): ViewRow[] {
    return Array.from(this.#sorted.head(this.#limit), ({ row }) => row);
  }
}
