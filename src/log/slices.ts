/**
 * Work that may be long, in steps. Each step says how many units it took: one is about a microsecond on a
 * slow machine. Counted instead of measured, so that a run under a seed does the same each time.
 */
export type Work<T = void> = Generator<number, T, undefined>;

/** Units of long work that a node does in one turn of its event loop: 8 ms on a slow machine, mostly less. */
export const SLICE_UNITS = 8192;

/** How long work is cut. */
export interface Slicing {
  /** How much is done in one turn. */
  readonly units: number;
  /** Runs a task in a later turn. */
  defer(this: void, task: () => void): void;
}

/** What becomes of work. */
export interface WorkEnd<T> {
  done(result: T): void;
  failed(error: unknown): void;
}

interface Waiting {
  /** Does the next step; the units it took, or undefined when that was the last. */
  step(): number | undefined;
  cancel(): void;
}

/**
 * Does long work of one node in slices, so that its event loop stays free: of everything there is to do,
 * one slice per turn. What fits into one slice is done at once, in the call that asks for it.
 */
export class Slices {
  readonly #slicing: Slicing;
  #waiting: Waiting[] = [];
  #due = false;
  #stopped = false;

  constructor(slicing: Slicing) {
    this.#slicing = slicing;
  }

  /** Begins work, unless other work goes on: then it takes its turn. Its end is told once, unless it is stopped. */
  run<T>(work: Work<T>, end: WorkEnd<T>): void {
    if (this.#stopped) return;
    this.#waiting.push({
      step: () => {
        try {
          const { done, value } = work.next();
          if (done !== true) return value;
          end.done(value);
        } catch (error) {
          end.failed(error);
        }
        return undefined;
      },
      cancel: () => void work.return(undefined as T),
    });
    if (!this.#due) this.#slice();
  }

  /** Drops what is under way, and takes no more. */
  stop(): void {
    this.#stopped = true;
    for (const waiting of this.#waiting.splice(0)) waiting.cancel();
  }

  #slice(): void {
    this.#due = true;
    for (let left = this.#slicing.units; left > 0 && !this.#stopped;) {
      const [first] = this.#waiting;
      if (first === undefined) break;
      const took = first.step();
      if (took === undefined) this.#waiting.splice(this.#waiting.indexOf(first), 1);
      left -= took ?? 1;
    }
    this.#due = this.#waiting.length > 0 && !this.#stopped;
    if (!this.#due) return;
    // The others have their turn before this one goes on.
    const [first] = this.#waiting.splice(0, 1);
    if (first !== undefined) this.#waiting.push(first);
    this.#slicing.defer(() => this.#slice());
  }
}

/** Does work in one go, where nothing waits for it. */
export function allAtOnce<T>(work: Work<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
