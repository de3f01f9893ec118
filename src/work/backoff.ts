/** The options say how long to wait between attempts. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Delays that double up to a maximum, each shortened by up to half at random, so that clients that
 * lost the same server do not come back at the same moment.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #attempts = 0;

  constructor(options: BackoffOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /** Returns the delay before the next attempt, in milliseconds. */
  next(): number {
    const { firstMs, maxMs } = this.#options;
    const whole = Math.min(maxMs, firstMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return whole * (0.5 + this.#random() / 2);
  }

  /** Starts over with the shortest delay. */
  reset(): void {
    this.#attempts = 0;
  }
}
