/** Most touches of one table that are remembered: with more, values are written again instead. */
export const MAX_TOUCHED = 65_536;

/**
 * The touches say to when the life of rows was prolonged after they were written, in tables whose rows expire after
 * the last write: per slot the stamp of the latest touch, as long as no later write makes it needless. A touch may
 * come before the write that it prolongs.
 */
export class Touches {
  #stamps = new Map<number, number>();

  get size(): number {
    return this.#stamps.size;
  }

  /** Stamp of the latest touch of a slot; 0 where there is none. */
  of(slot: number): number {
    return this.#stamps.size === 0 ? 0 : (this.#stamps.get(slot) ?? 0);
  }

  /** Notes a touch; returns whether it is later than the one before. Beyond {@link MAX_TOUCHED} the oldest is forgotten. */
  note(slot: number, stamp: number): boolean {
    if (this.of(slot) >= stamp) return false;
    this.#stamps.delete(slot);
    this.#stamps.set(slot, stamp);
    if (this.#stamps.size > MAX_TOUCHED) this.#stamps.delete(this.#stamps.keys().next().value as number);
    return true;
  }

  /** A slot is written with a stamp: a touch that is no later means nothing any more. */
  written(slot: number, stamp: number): void {
    if (this.#stamps.size > 0 && this.of(slot) <= stamp) this.#stamps.delete(slot);
  }

  forget(slot: number): void {
    if (this.#stamps.size > 0) this.#stamps.delete(slot);
  }

  /** Slots that were touched, and when. */
  entries(): Iterable<readonly [slot: number, stamp: number]> {
    return this.#stamps;
  }

  /** Follows a renumbering of the table's slots; what is gone is forgotten. */
  renumber(renumbered: Int32Array): void {
    const before = this.#stamps;
    this.#stamps = new Map();
    for (const [slot, stamp] of before) {
      const moved = renumbered[slot] ?? -1;
      if (moved >= 0) this.#stamps.set(moved, stamp);
    }
  }
}
