/** What a value is told to: an emitter or a subject. */
interface Teller<T> {
  next(value: T): void;
}

/** A value, or many, told later. */
interface Emission {
  readonly to: Teller<unknown>;
  readonly value: unknown;
  readonly values?: Iterable<unknown>;
}

/**
 * Delivers what happened to subscribers, one thing after the other, in one order for all of them:
 * what a subscriber causes while it is being told is told after the present round is over.
 */
export class Dispatcher {
  readonly #waiting: Emission[] = [];
  #next = 0;
  #busy = false;
  #holds = 0;

  emit<T>(to: Teller<T>, value: T): void {
    if (this.#busy || this.#holds > 0) {
      this.#waiting.push({ to, value });
      return;
    }
    this.#busy = true;
    try {
      to.next(value);
      if (this.#waiting.length > 0) this.#drain();
    } finally {
      this.#busy = false;
    }
  }

  /** Tells many values one after the other, each drawn when it is its turn; what is told meanwhile comes after them. */
  emitAll<T>(to: Teller<T>, values: Iterable<T>): void {
    this.#waiting.push({ to, value: undefined, values });
    this.hold();
    this.release();
  }

  /** Keeps everything back until {@link release}; calls nest. */
  hold(): void {
    this.#holds++;
  }

  /** Ends one {@link hold}; with `discard`, forgets what was kept back since `mark`. */
  release(): void {
    this.#holds--;
    if (this.#holds > 0 || this.#busy || this.#waiting.length === 0) return;
    this.#busy = true;
    try {
      this.#drain();
    } finally {
      this.#busy = false;
    }
  }

  /** How many emissions wait; a mark for {@link forgetFrom}. */
  get mark(): number {
    return this.#waiting.length;
  }

  /** Drops the emissions that came after a mark taken under the same hold. */
  forgetFrom(mark: number): void {
    this.#waiting.length = mark;
  }

  #drain(): void {
    while (this.#next < this.#waiting.length) {
      const { to, value, values } = this.#waiting[this.#next++] as Emission;
      if (values === undefined) to.next(value);
      else for (const each of values) to.next(each);
    }
    this.#waiting.length = 0;
    this.#next = 0;
  }
}
