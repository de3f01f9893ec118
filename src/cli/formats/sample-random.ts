/**
 * Random numbers that are the same for a seed on every machine: 32-bit integer steps only, none of
 * the functions (`Math.pow`, `Math.log`) whose last digit engines may choose. Not for secrets. What it draws
 * is part of the sample log, from which figures in the documents come: it is never changed.
 */
export class SampleRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Returns a whole number in [0, limit); `limit` at most 2^32. */
  below(limit: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    word = (word ^ (word >>> 16)) >>> 0;
    return Math.floor((word / 4_294_967_296) * limit);
  }

  /** Returns true in `share` of 1000 cases. */
  chance(share: number): boolean {
    return this.below(1000) < share;
  }

  /** Returns one of the values, all alike. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

/** Picks among values so that the one of rank r comes up in proportion to 1/r (Zipf's law). */
export class ZipfChoice<T> {
  readonly #values: readonly T[];
  readonly #cumulative: readonly number[];
  readonly #total: number;

  constructor(values: readonly T[]) {
    let total = 0;
    this.#values = values;
    this.#cumulative = values.map((_, index) => (total += Math.floor(1_000_000 / (index + 1))));
    this.#total = total;
  }

  /** Returns the next value. */
  pick(random: SampleRandom): T {
    const target = random.below(this.#total);
    let low = 0;
    let high = this.#cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#cumulative[middle] as number) > target) high = middle;
      else low = middle + 1;
    }
    return this.#values[low] as T;
  }
}
