/** Gives the slots of rows in order; -1 at the end, for good. */
interface Slots {
  step(): number;
}

/**
 * Iterates over what is read of each row, as a Map's iterators do: what changes meanwhile is met at its place or behind. Has
 * the methods that the platform gives iterators.
 */
export class RowIterator<T> implements IterableIterator<T, undefined> {
  readonly #slots: Slots;
  readonly #read: (slot: number) => T;

  static {
    const ofArrays = Object.getPrototypeOf([][Symbol.iterator]()) as object;
    Object.setPrototypeOf(this.prototype, Object.getPrototypeOf(ofArrays) as object);
  }

  constructor(slots: Slots, read: (slot: number) => T) {
    this.#slots = slots;
    this.#read = read;
  }

  next(): IteratorResult<T, undefined> {
    const slot = this.#slots.step();
    return slot < 0 ? { done: true, value: undefined } : { done: false, value: this.#read(slot) };
  }

  [Symbol.iterator](): this {
    return this;
  }
}
