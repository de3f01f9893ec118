import { setImmediate } from 'node:timers/promises';
import { SLICE_UNITS, type Slicing } from '../../src/work/slices.ts';
import { threadTime } from './thread-time.ts';

/** Cuts the long work of a node into turns that the test takes, one by one, and measures. */
export class Turns implements Slicing {
  readonly units: number;
  #waiting: (() => void)[] = [];
  /** Turns taken so far. */
  taken = 0;
  /** Processor time of the longest turn, in milliseconds. */
  longestMs = 0;

  constructor(units: number = SLICE_UNITS) {
    this.units = units;
  }

  readonly defer = (task: () => void): void => {
    this.#waiting.push(task);
  };

  /** Whether work waits for its turn. */
  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  /** Takes one turn; the event loop comes round after it. */
  async next(): Promise<void> {
    const task = this.#waiting.shift();
    if (task === undefined) throw new Error('nothing waits for its turn');
    this.taken++;
    this.measured(task);
    await setImmediate();
  }

  /** Takes as many turns as there are. */
  async all(): Promise<void> {
    await setImmediate();
    while (this.waits) await this.next();
  }

  /** Counts a task as one of the turns. */
  measured(task: () => void): void {
    const time = threadTime();
    task();
    this.longestMs = Math.max(this.longestMs, time());
  }
}
