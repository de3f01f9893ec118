import type { Environment, Timer } from '../environment.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Is where virtual time begins: 2026-01-01. */
const START_MS = 1_767_225_600_000;

interface Waiting {
  readonly at: number;
  readonly order: number;
  task: (() => void) | undefined;
}

/** One node's view of the virtual machine: its clock may be wrong, and it dies with the node. */
export interface VirtualEnvironment extends Environment {
  /** Added to virtual time by this node's clock, in milliseconds; may be changed at any moment. */
  skewMs: number;
  /** From now on nothing that was scheduled runs any more. */
  kill(): void;
}

/**
 * Time that stands still while code runs and jumps to the next event when it is done. Promises
 * settle between two events, so a run depends on nothing but what was scheduled.
 */
export class VirtualTime {
  readonly #heap: Waiting[] = [];
  #order = 0;
  #now = START_MS;
  readonly #underWay: () => Promise<void> | undefined;
  /** Events run so far. */
  events = 0;

  /**
   * Time goes on once nothing is under way outside of it, in a real server for example: `underWay` resolves when that may
   * have changed, and returns undefined when nothing is.
   */
  constructor(underWay: () => Promise<void> | undefined = () => undefined) {
    this.#underWay = underWay;
  }

  get now(): number {
    return this.#now;
  }

  schedule(delayMs: number, task: () => void): Timer {
    const waiting: Waiting = { at: this.#now + Math.max(0, delayMs), order: this.#order++, task };
    this.#push(waiting);
    return {
      cancel: () => {
        waiting.task = undefined;
      },
    };
  }

  environment(random: SeededRandom, skewMs = 0): VirtualEnvironment {
    let alive = true;
    const guarded = (task: () => void) => (): void => {
      if (alive) task();
    };
    const environment: VirtualEnvironment = {
      skewMs,
      now: () => Math.floor(this.#now + environment.skewMs),
      elapsed: () => this.#now,
      random: () => random.next(),
      schedule: (delayMs, task) => this.schedule(delayMs, guarded(task)),
      stayAlive: () => ({ cancel: () => undefined }),
      defer: (task) => void this.schedule(0, guarded(task)),
      kill: () => {
        alive = false;
      },
    };
    return environment;
  }

  /** Runs events until `ms` of virtual time have passed. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.runUntil(() => false, ms);
    this.#now = end;
  }

  /** Runs events until a condition holds; false when `limitMs` of virtual time passed without it. */
  async runUntil(condition: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs;
    await promisesSettled();
    for (;;) {
      for (let busy = this.#underWay(); busy !== undefined; busy = this.#underWay()) {
        await busy;
        await promisesSettled();
      }
      if (condition()) return true;
      const next = this.#heap[0];
      if (next === undefined || next.at > end) return false;
      this.#pop();
      if (next.task === undefined) continue;
      this.#now = Math.max(this.#now, next.at);
      this.events++;
      next.task();
      await promiseJobsDone();
    }
  }

  /** Runs events until a promise settles, and gives its outcome. */
  async until<T>(work: Promise<T>, limitMs = 600_000): Promise<T> {
    let settled = false;
    const waiting = work.then(
      () => (settled = true),
      () => (settled = true),
    );
    void waiting;
    if (!(await this.runUntil(() => settled, limitMs))) {
      throw new Error(`Nothing came of it in ${limitMs} ms of virtual time.`);
    }
    return work;
  }

  #push(waiting: Waiting): void {
    const heap = this.#heap;
    let at = heap.push(waiting) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(waiting, heap[parent] as Waiting)) break;
      heap[at] = heap[parent] as Waiting;
      at = parent;
    }
    heap[at] = waiting;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Waiting;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Waiting, heap[child] as Waiting)) child++;
      if (!before(heap[child] as Waiting, last)) break;
      heap[at] = heap[child] as Waiting;
      at = child;
    }
    heap[at] = last;
  }
}

function before(one: Waiting, other: Waiting): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Every promise job that is due has run: a tick comes after them, and costs no turn of the event loop. */
function promiseJobsDone(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

/** The same, and the event loop has come round. */
export function promisesSettled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
