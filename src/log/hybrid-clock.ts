/** Stamps count 1/1024 ms since 1970, so that a stamp fits a double until the year 2248. */
export const STAMPS_PER_MS = 1024;

/** How far ahead of this machine's clock a stamp from elsewhere may lie before it is refused: 5 minutes. */
export const MAX_AHEAD_MS = 300_000;

/** How many stamps may share one reading of the machine's clock, which costs more than they do. */
const STAMPS_PER_READING = 64;

/** Milliseconds since 1970 of a stamp. */
export function stampToMs(stamp: number): number {
  return Math.floor(stamp / STAMPS_PER_MS);
}

/**
 * A hybrid logical clock: follows the machine's clock, never runs backward, and is always
 * ahead of every stamp it has seen, so that what is written later is stamped later.
 */
export class HybridClock {
  readonly #now: () => number;
  #last = 0;
  /** Stamps that may still be given before the machine's clock is read again. */
  #unread = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A stamp not smaller than any given before, and greater than any observed. */
  stamp(): number {
    if (this.#unread-- > 0) return this.#last;
    this.#unread = STAMPS_PER_READING;
    const wall = Math.floor(this.#now()) * STAMPS_PER_MS;
    if (wall > this.#last) this.#last = wall;
    return this.#last;
  }

  /** Has the machine's clock read for the next stamp: call when time may have passed. */
  look(): void {
    this.#unread = 0;
  }

  /** Takes note of a stamp from elsewhere. */
  observe(stamp: number): void {
    if (stamp >= this.#last) this.#last = stamp + 1;
  }

  /** Whether a stamp lies so far ahead that following it would carry this clock away. */
  tooFarAhead(stamp: number): boolean {
    return stamp > this.farthest();
  }

  /** The latest stamp that is not too far ahead. */
  farthest(): number {
    return (this.#now() + MAX_AHEAD_MS) * STAMPS_PER_MS;
  }
}
