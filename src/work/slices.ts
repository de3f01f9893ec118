/**
 * Work that may be long, in steps. Each step says how many units it took: one is about a microsecond on a
 * slow machine. Counted instead of measured, so that a run under a seed does the same each time.
 */
export type Work<T = void> = Generator<number, T, undefined>;

/** Units of long work that a node does in one turn of its event loop: 8 ms on a slow machine, mostly less. */
export const SLICE_UNITS = 8192;

/** Slicing says how long work is cut. */
export interface Slicing {
  /** Bounds how much is done in one turn. */
  readonly units: number;
  /** Runs a task in a later turn. */
  defer(this: void, task: () => void): void;
}

/** An end says what becomes of work. */
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
      step: () => stepOf(work, end),
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
    let last: Waiting | undefined;
    try {
      for (let left = this.#slicing.units; left > 0 && !this.#stopped;) {
        const [first] = this.#waiting;
        if (first === undefined) break;
        last = first;
        left -= this.#step(first);
      }
    } finally {
      // Also when who was told of an end throws: the others go on.
      this.#due = this.#waiting.length > 0 && !this.#stopped;
      if (this.#due) this.#takeTurns(last);
    }
  }

  /** The others have their turn before the one that was at it goes on; who has had none yet stays first. */
  #takeTurns(last: Waiting | undefined): void {
    const [first] = this.#waiting;
    if (first !== undefined && first === last) this.#waiting.push(...this.#waiting.splice(0, 1));
    this.#slicing.defer(() => this.#slice());
  }

  #step(waiting: Waiting): number {
    let took: number | undefined;
    try {
      took = waiting.step();
      return took ?? 1;
    } finally {
      if (took === undefined) this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    }
  }
}

/** Does the next step of work; what its end is told may throw, which is no failure of the work. */
function stepOf<T>(work: Work<T>, end: WorkEnd<T>): number | undefined {
  let result: IteratorResult<number, T>;
  try {
    result = work.next();
  } catch (error) {
    end.failed(error);
    return undefined;
  }
  if (result.done !== true) return result.value;
  end.done(result.value);
  return undefined;
}

/** Does work in one go, where nothing waits for it. */
export function allAtOnce<T>(work: Work<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
