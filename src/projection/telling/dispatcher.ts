import type { Slicing } from '../../work/slices.ts';

/** A teller is what a value is told to: an emitter or a subject. */
interface Teller<T> {
  next(value: T): void;
}

/** A value, or many, told later. */
interface Emission {
  readonly to: Teller<unknown>;
  readonly value: unknown;
  readonly values?: Iterable<unknown>;
  /** Each step of it emits some of what is to be told now. */
  readonly steps?: Iterator<unknown>;
}

/** Units of work that telling of something takes: see {@link Slicing}. */
const UNITS_PER_TOLD = 8;

/**
 * Delivers what happened to subscribers, one thing after the other, in one order for all of them:
 * what a subscriber causes while it is being told is told after the present round is over (INV-8).
 */
export class Dispatcher {
  readonly #waiting: Emission[] = [];
  #next = 0;
  #busy = false;
  #holds = 0;
  /** Is true while a step of something gradual emits, which is told at once; the next counts how much that was. */
  #inStep = false;
  #toldInStep = 0;
  #thrownInStep: { readonly error: unknown } | undefined;
  /** Something is told gradually: everything else comes after it, so much per turn. */
  #slicing: Slicing | undefined;
  #due = false;

  emit<T>(to: Teller<T>, value: T): void {
    if (this.#inStep) return this.#tellInStep(to, value);
    if (this.#slicing !== undefined || this.#busy || this.#holds > 0) {
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

  /**
   * Tells what the steps of something long emit, so much in one turn and the rest later; what is told
   * meanwhile comes after it.
   */
  emitGradually(steps: Iterator<unknown>, slicing: Slicing): void {
    this.#waiting.push({ to: { next: () => undefined }, value: undefined, steps });
    this.#slicing = slicing;
    this.hold();
    this.release();
  }

  /** Tells at once what is still to be told gradually. */
  finish(): void {
    this.#slicing = undefined;
    this.#due = false;
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
    if (this.#holds > 0 || this.#busy || this.#due || this.#waiting.length === 0) return;
    this.#busy = true;
    try {
      this.#drain();
    } finally {
      this.#busy = false;
    }
  }

  /** Does something of which nobody is told before all of it is done. */
  holding<T>(act: () => T): T {
    this.hold();
    try {
      return act();
    } finally {
      this.release();
    }
  }

  /** Counts the emissions that wait; a mark for {@link forgetFrom}. */
  get mark(): number {
    return this.#waiting.length;
  }

  /** Drops the emissions that came after a mark taken under the same hold. */
  forgetFrom(mark: number): void {
    this.#waiting.length = mark;
  }

  #drain(): void {
    let left = this.#slicing?.units ?? 0;
    while (this.#next < this.#waiting.length) {
      if (this.#slicing !== undefined && left <= 0) return this.#pause(this.#slicing);
      const emission = this.#waiting[this.#next] as Emission;
      const { to, value, values, steps } = emission;
      if (steps !== undefined) {
        left -= UNITS_PER_TOLD * this.#tellStep(steps);
        continue;
      }
      this.#next++;
      left -= UNITS_PER_TOLD;
      if (values === undefined) to.next(value);
      else for (const each of values) to.next(each);
    }
    this.#waiting.length = 0;
    this.#next = 0;
    this.#slicing = undefined;
  }

  #pause({ defer }: Slicing): void {
    this.#due = true;
    defer(() => {
      if (!this.#due) return;
      this.#due = false;
      this.hold();
      this.release();
    });
  }

  /** Tells what one step of the first that waits emits; goes on behind it when there is none. */
  #tellStep(steps: Iterator<unknown>): number {
    this.#inStep = true;
    this.#toldInStep = 0;
    this.#thrownInStep = undefined;
    try {
      if (steps.next().done === true) this.#next++;
    } finally {
      this.#inStep = false;
    }
    if (this.#thrownInStep !== undefined) throw (this.#thrownInStep as { readonly error: unknown }).error;
    return Math.max(1, this.#toldInStep);
  }

  #tellInStep<T>(to: Teller<T>, value: T): void {
    this.#toldInStep++;
    // What the subscriber causes is not of the step, and what it throws must not end it.
    this.#inStep = false;
    try {
      to.next(value);
    } catch (error) {
      this.#thrownInStep ??= { error };
    }
    this.#inStep = true;
  }
}
