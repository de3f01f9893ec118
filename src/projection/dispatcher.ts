import type { Subject } from 'rxjs';

/** Anything that takes a value later. */
type Emission = { readonly subject: Subject<unknown>; readonly value: unknown };

/**
 * Delivers what happened to subscribers, one thing after the other, in one order for all of them:
 * what a subscriber causes while it is being told is told after the present round is over.
 */
export class Dispatcher {
  readonly #waiting: Emission[] = [];
  #next = 0;
  #busy = false;
  #holds = 0;

  emit<T>(subject: Subject<T>, value: T): void {
    if (this.#busy || this.#holds > 0) {
      this.#waiting.push({ subject: subject as Subject<unknown>, value });
      return;
    }
    this.#busy = true;
    try {
      subject.next(value);
      if (this.#waiting.length > 0) this.#drain();
    } finally {
      this.#busy = false;
    }
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
      const { subject, value } = this.#waiting[this.#next++] as Emission;
      subject.next(value);
    }
    this.#waiting.length = 0;
    this.#next = 0;
  }
}
