import type { Wall } from './wall-clock.ts';

/** Stamps count 1/1024 ms since 1970, so that a stamp fits a double until the year 2248. */
export const STAMPS_PER_MS = 1024;

/** Bounds how many stamps share one reading of the machine's clock, which costs more than they do. */
const STAMPS_PER_READING = 64;

/** Milliseconds since 1970 of a stamp. */
export function stampToMs(stamp: number): number {
  return Math.floor(stamp / STAMPS_PER_MS);
}

/**
 * The stamps of one table. Where they order writes it is a hybrid logical clock: it follows the machine's clock
 * as far as that is believed, never runs backward, and is always ahead of every stamp it has seen, so that what is
 * written later is stamped later. Where they order nothing they are what the machine's clock says.
 */
export class HybridClock {
  readonly #wall: Wall;
  #orders = false;
  #last = 0;
  /** Stamps that may still be given before the machine's clock is read again. */
  #unread = 0;

  constructor(wall: Wall) {
    this.#wall = wall;
  }

  /** Begins anew: what was stamped and seen before binds nothing. From now on stamps order writes, or do not. */
  restart(orders: boolean): void {
    this.#orders = orders;
    this.#last = 0;
    this.#unread = 0;
  }

  /**
   * Returns the next stamp: not smaller than any given since {@link look}; where stamps order, greater than
   * any seen or given before it.
   */
  stamp(): number {
    if (this.#unread-- > 0) return this.#last;
    this.#unread = STAMPS_PER_READING;
    const wall = Math.floor(this.#orders ? this.#wall.believed() : this.#wall.now()) * STAMPS_PER_MS;
    if (wall > this.#last) this.#last = wall;
    return this.#last;
  }

  /** Has the machine's clock read for the next stamp: call when time may have passed. */
  look(): void {
    this.#unread = 0;
    this.#last = this.#orders ? this.#last + 1 : 0;
  }

  /** Takes note of a stamp from elsewhere. */
  observe(stamp: number): void {
    if (this.#orders && stamp >= this.#last) this.#last = stamp + 1;
  }
}
