/**
 * In which order the slots of a table stand: by number, until one moves to the end. Who walks through
 * them meets each slot that is there all the time once, whatever moves, comes or goes meanwhile, and those
 * that come or move behind it; the same that a Map's iterators do.
 */
export class SlotOrder {
  /** Slots in order, some of them passed over because they moved on; undefined while all stand by number. */
  readonly #slots: Int32Array | undefined;
  /** Says where in `#slots` each slot stands. */
  readonly #stands: Int32Array | undefined;
  #count = 0;
  /** Is what was put in this order's place, and how many of its slots stood before each of the former. */
  #next: { readonly order: SlotOrder; readonly before: Int32Array } | undefined;

  constructor(capacity = 0) {
    if (capacity === 0) return;
    this.#slots = new Int32Array(capacity);
    this.#stands = new Int32Array(capacity);
  }

  /** Takes a new slot in at the end; returns the order that holds from now on. */
  add(slot: number): SlotOrder {
    if (this.#slots === undefined) {
      this.#count++;
      return this;
    }
    return this.toEnd(slot);
  }

  /** The same for the first so many slots, of an order without any. */
  fill(count: number): void {
    this.#count = count;
  }

  /** Moves a slot to the end; returns the order that holds from now on. */
  toEnd(slot: number): SlotOrder {
    const slots = this.#slots;
    const stands = this.#stands;
    if (slots === undefined || stands === undefined || this.#count === slots.length)
      return this.#replace(true).toEnd(slot);
    stands[slot] = this.#count;
    slots[this.#count++] = slot;
    return this;
  }

  /**
   * Gives each slot its new number, in the order of the present ones, or takes it away where that is
   * negative; returns the order that holds from now on.
   */
  renumber(renumbered: Int32Array): SlotOrder {
    return this.#replace(this.#slots !== undefined, renumbered);
  }

  /** The same order, which stays as it is whatever becomes of this one. */
  copy(): SlotOrder {
    const copy = new SlotOrder(this.#slots === undefined ? 0 : Math.max(1, this.#count));
    copy.#count = this.#count;
    if (this.#slots !== undefined) copy.#slots?.set(this.#slots.subarray(0, this.#count));
    if (this.#stands !== undefined) copy.#stands?.set(this.#stands.subarray(0, copy.#stands.length));
    return copy;
  }

  #replace(explicit: boolean, renumbered?: Int32Array): SlotOrder {
    const kept = new Int32Array(this.#count);
    const before = new Int32Array(this.#count + 1);
    let count = 0;
    for (let at = 0; at < this.#count; at++) {
      before[at] = count;
      const slot = this.#at(at);
      const moved = slot < 0 || renumbered === undefined ? slot : (renumbered[slot] as number);
      if (moved >= 0) kept[count++] = moved;
    }
    before[this.#count] = count;
    const order = new SlotOrder(explicit ? 64 + 2 * count : 0);
    for (let at = 0; at < count; at++) order.add(kept[at] as number);
    this.#next = { order, before };
    return order;
  }

  /** The slot at a place; -1 where it has moved on. */
  #at(place: number): number {
    if (this.#slots === undefined) return place;
    const slot = this.#slots[place] as number;
    return this.#stands?.[slot] === place ? slot : -1;
  }

  /** Takes a step of who walks through an order, or what came in its place; -1 at the end, for good. */
  static step(walk: SlotWalk): number {
    const { order } = walk;
    const isPlain = order.#slots === undefined && order.#next === undefined && !walk.isOver;
    return isPlain && walk.at < order.#count ? walk.at++ : SlotOrder.#stepOn(walk);
  }

  /** Takes the step where slots moved, in an order that was put in the place of another, or at the end. */
  static #stepOn(walk: SlotWalk): number {
    let { order } = walk;
    while (!walk.isOver) {
      while (order.#next !== undefined) {
        walk.at = order.#next.before[walk.at] as number;
        order = walk.order = order.#next.order;
      }
      walk.isOver = walk.at >= order.#count;
      const slot = walk.isOver ? -1 : order.#at(walk.at++);
      if (slot >= 0) return slot;
    }
    return -1;
  }
}

/** Says how far somebody has walked through the slots of a table. */
export interface SlotWalk {
  order: SlotOrder;
  at: number;
  isOver: boolean;
}
