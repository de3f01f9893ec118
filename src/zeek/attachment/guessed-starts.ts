import type { Environment, Timer } from '../../environment.ts';

/** A Zeek node that nobody announced may have started with empty tables: everything is sent, seldom. */
export class GuessedStarts {
  readonly #environment: Environment;
  readonly #times: { readonly firstMs: number; readonly pauseMs: number };
  readonly #refill: () => void;
  #lastRefill = -Infinity;
  #timer: Timer | undefined;
  /** Zeek nodes announce their starts, so that no start has to be guessed. */
  #isNeedless = false;

  constructor(
    environment: Environment,
    times: { readonly firstMs: number; readonly pauseMs: number },
    refill: () => void,
  ) {
    this.#environment = environment;
    this.#times = times;
    this.#refill = refill;
  }

  /** Everything is on its way to Zeek now. */
  refilled(): void {
    this.#lastRefill = this.#environment.elapsed();
  }

  /** A Zeek node was heard of for the first time. */
  unseen(): void {
    if (this.#isNeedless || this.#timer !== undefined) return;
    const { firstMs, pauseMs } = this.#times;
    const delay = Math.max(
      Math.min(firstMs, pauseMs),
      this.#lastRefill + pauseMs - this.#environment.elapsed(),
    );
    this.#timer = this.#environment.schedule(delay, () => {
      this.#timer = undefined;
      if (this.#isNeedless) return;
      this.refilled();
      this.#refill();
    });
  }

  /** Nothing is guessed from now on. */
  end(): void {
    this.#isNeedless = true;
    this.#timer?.cancel();
  }
}
