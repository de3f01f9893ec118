/** Items in a block, at most; a block of twice as many is split. */
const BLOCK = 256;

/**
 * Items in order, in blocks: putting one in or taking one out moves a part of one block, however many there are.
 * Items that compare equal are one to it: which of them is taken out is not said.
 */
export class SortedBlocks<T> {
  readonly #compare: (one: T, other: T) => number;
  #blocks: T[][] = [];
  size = 0;

  constructor(compare: (one: T, other: T) => number) {
    this.#compare = compare;
  }

  /** Takes the place of everything that was there. */
  replace(items: readonly T[]): void {
    const sorted = items.toSorted(this.#compare);
    this.#blocks = [];
    for (let at = 0; at < sorted.length; at += BLOCK) this.#blocks.push(sorted.slice(at, at + BLOCK));
    this.size = sorted.length;
  }

  add(item: T): void {
    this.size++;
    const blocks = this.#blocks;
    if (blocks.length === 0) {
      blocks.push([item]);
      return;
    }
    const at = Math.min(this.#blockOf(item), blocks.length - 1);
    const block = blocks[at] as T[];
    block.splice(this.#placeIn(block, item), 0, item);
    if (block.length >= 2 * BLOCK) blocks.splice(at + 1, 0, block.splice(BLOCK));
  }

  /** Takes out one item that compares equal, if there is one. */
  delete(item: T): void {
    const found = this.#find(item);
    if (found === undefined) return;
    const [at, place] = found;
    const block = this.#blocks[at] as T[];
    block.splice(place, 1);
    this.size--;
    if (block.length < BLOCK / 4) this.#join(at);
  }

  /** Puts an item where one stands that compares equal; false when none does. */
  exchange(item: T): boolean {
    const found = this.#find(item);
    if (found === undefined) return false;
    const [at, place] = found;
    (this.#blocks[at] as T[])[place] = item;
    return true;
  }

  get first(): T | undefined {
    return this.#blocks[0]?.[0];
  }

  get last(): T | undefined {
    return this.#blocks.at(-1)?.at(-1);
  }

  at(index: number): T | undefined {
    let left = index;
    for (const block of this.#blocks) {
      if (left < block.length) return block[left];
      left -= block.length;
    }
    return undefined;
  }

  /** The first items, in order. */
  *head(count: number): Generator<T, void, undefined> {
    let left = count;
    for (const block of this.#blocks)
      for (const item of block) {
        if (left-- <= 0) return;
        yield item;
      }
  }

  #find(item: T): readonly [block: number, place: number] | undefined {
    const at = this.#blockOf(item);
    const block = this.#blocks[at];
    if (block === undefined) return undefined;
    const place = this.#placeIn(block, item);
    return this.#compare(block[place] as T, item) === 0 ? [at, place] : undefined;
  }

  /** The first block whose last item does not come before an item. */
  #blockOf(item: T): number {
    let [low, high] = [0, this.#blocks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = this.#blocks[middle] as T[];
      if (this.#compare(block[block.length - 1] as T, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first place in a block whose item does not come before an item. */
  #placeIn(block: readonly T[], item: T): number {
    let [low, high] = [0, block.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(block[middle] as T, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Puts a block that became small to a neighbour, so that there are not many small ones. */
  #join(at: number): void {
    const blocks = this.#blocks;
    const [one, other] = at === 0 ? [0, 1] : [at - 1, at];
    const [before, after] = [blocks[one], blocks[other]];
    if (before === undefined) return;
    if (after === undefined) {
      if (before.length === 0) blocks.length = 0;
      return;
    }
    if (before.length + after.length > BLOCK && before.length > 0 && after.length > 0) return;
    blocks.splice(one, 2, before.concat(after));
  }
}
