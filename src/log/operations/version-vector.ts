/**
 * Per origin (by its number in {@link Origins}), the highest sequence held. What a node holds of
 * one origin is always a prefix, so the one number says it all.
 */
export class VersionVector {
  readonly #held = new Map<number, number>();
  /** Counts how often something was changed: what was made of it before is no longer right then. */
  changes = 0;

  get(origin: number): number {
    return this.#held.get(origin) ?? 0;
  }

  /** Records that everything of `origin` up to `sequence` is held; never goes back. */
  advance(origin: number, sequence: number): void {
    if (sequence <= this.get(origin)) return;
    this.changes++;
    this.#held.set(origin, sequence);
  }

  /** Sets an entry to an exact value, also backward; 0 removes it. */
  set(origin: number, sequence: number): void {
    this.changes++;
    if (sequence === 0) this.#held.delete(origin);
    else this.#held.set(origin, sequence);
  }

  entries(): IterableIterator<[origin: number, sequence: number]> {
    return this.#held.entries();
  }

  get size(): number {
    return this.#held.size;
  }

  /** Returns whether every operation `other` holds is held here as well. */
  covers(other: VersionVector): boolean {
    for (const [origin, sequence] of other.#held) if (this.get(origin) < sequence) return false;
    return true;
  }

  /** Counts the operations that `other` holds and that are not held here. */
  missing(other: VersionVector): number {
    let count = 0;
    for (const [origin, sequence] of other.#held) count += Math.max(0, sequence - this.get(origin));
    return count;
  }

  merge(other: VersionVector): void {
    for (const [origin, sequence] of other.#held) this.advance(origin, sequence);
  }

  copy(): VersionVector {
    const copy = new VersionVector();
    for (const [origin, sequence] of this.#held) copy.#held.set(origin, sequence);
    return copy;
  }
}
