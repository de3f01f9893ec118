import { type OrderKey, compareKeys } from './order.ts';

/** Items in a block, at most; a block of twice as many is split. */
const BLOCK = 256;

/** The order of items is that of their leading keys, and where these are alike the comparison of the items. */
export interface ItemOrder<T> {
  readonly leading: (item: T) => OrderKey;
  readonly isDescending: boolean;
  /** Compares whole items: in the same order as their leading keys where these differ. */
  readonly compare: (one: T, other: T) => number;
}

/**
 * A block has items in order, and beside them their leading keys: finding a place reads these alone, which lie side by
 * side in memory, and looks at items only where keys are alike.
 */
interface Block<T> {
  readonly items: T[];
  readonly keys: OrderKey[];
}

/**
 * Items in order, in blocks: putting one in or taking one out moves a part of one block, however many there are.
 * Items that compare equal are one to it: which of them is taken out is not said.
 */
export class SortedBlocks<T> {
  readonly #order: ItemOrder<T>;
  #blocks: Block<T>[] = [];
  size = 0;

  constructor(order: ItemOrder<T>) {
    this.#order = order;
  }

  /** Takes the place of everything that was there. */
  replace(items: readonly T[]): void {
    const { compare, leading } = this.#order;
    const sorted = items.toSorted(compare);
    this.#blocks = [];
    for (let at = 0; at < sorted.length; at += BLOCK) {
      const part = sorted.slice(at, at + BLOCK);
      this.#blocks.push({ items: part, keys: part.map(leading) });
    }
    this.size = sorted.length;
  }

  add(item: T): void {
    this.size++;
    const blocks = this.#blocks;
    const key = this.#order.leading(item);
    if (blocks.length === 0) {
      blocks.push({ items: [item], keys: [key] });
      return;
    }
    const at = Math.min(this.#blockOf(item, key), blocks.length - 1);
    const { items, keys } = blocks[at] as Block<T>;
    const place = this.#placeIn(blocks[at] as Block<T>, item, key);
    items.splice(place, 0, item);
    keys.splice(place, 0, key);
    if (items.length < 2 * BLOCK) return;
    blocks.splice(at + 1, 0, { items: items.splice(BLOCK), keys: keys.splice(BLOCK) });
  }

  /** Takes out one item that compares equal, if there is one. */
  delete(item: T): void {
    const found = this.#find(item);
    if (found === undefined) return;
    const [at, place] = found;
    const { items, keys } = this.#blocks[at] as Block<T>;
    items.splice(place, 1);
    keys.splice(place, 1);
    this.size--;
    if (items.length < BLOCK / 4) this.#join(at);
  }

  /** Puts an item where one stands that compares equal; false when none does. */
  exchange(item: T): boolean {
    const found = this.#find(item);
    if (found === undefined) return false;
    const [at, place] = found;
    const { items, keys } = this.#blocks[at] as Block<T>;
    items[place] = item;
    keys[place] = this.#order.leading(item);
    return true;
  }

  get first(): T | undefined {
    return this.#blocks[0]?.items[0];
  }

  get last(): T | undefined {
    return this.#blocks.at(-1)?.items.at(-1);
  }

  at(index: number): T | undefined {
    let left = index;
    for (const { items } of this.#blocks) {
      if (left < items.length) return items[left];
      left -= items.length;
    }
    return undefined;
  }

  /** The first items, in order. */
  *head(count: number): Generator<T, void, undefined> {
    let left = count;
    for (const { items } of this.#blocks)
      for (const item of items) {
        if (left-- <= 0) return;
        yield item;
      }
  }

  #find(item: T): readonly [block: number, place: number] | undefined {
    const key = this.#order.leading(item);
    const at = this.#blockOf(item, key);
    const block = this.#blocks[at];
    if (block === undefined) return undefined;
    const place = this.#placeIn(block, item, key);
    return this.#order.compare(block.items[place] as T, item) === 0 ? [at, place] : undefined;
  }

  /** The first block whose last item does not come before an item. */
  #blockOf(item: T, key: OrderKey): number {
    let [low, high] = [0, this.#blocks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = this.#blocks[middle] as Block<T>;
      if (this.#isBefore(block, block.keys.length - 1, item, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first place in a block whose item does not come before an item. */
  #placeIn(block: Block<T>, item: T, key: OrderKey): number {
    let [low, high] = [0, block.keys.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(block, middle, item, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Says whether what stands at a place comes before an item with a key. */
  #isBefore({ items, keys }: Block<T>, place: number, item: T, key: OrderKey): boolean {
    const order = compareKeys(keys[place], key);
    if (order !== 0) return order < 0 !== this.#order.isDescending;
    return this.#order.compare(items[place] as T, item) < 0;
  }

  /** Puts a block that became small to a neighbour, so that there are not many small ones. */
  #join(at: number): void {
    const blocks = this.#blocks;
    const [one, other] = at === 0 ? [0, 1] : [at - 1, at];
    const [before, after] = [blocks[one], blocks[other]];
    if (before === undefined) return;
    if (after === undefined) {
      if (before.items.length === 0) blocks.length = 0;
      return;
    }
    const count = before.items.length + after.items.length;
    if (count > BLOCK && before.items.length > 0 && after.items.length > 0) return;
    blocks.splice(one, 2, {
      items: before.items.concat(after.items),
      keys: before.keys.concat(after.keys),
    });
  }
}
