import type { Timer } from '../environment.ts';
import type { ProgramApi } from './options.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualEnvironment, VirtualTime } from './virtual-time.ts';

/** A life of a program needs these of its world. */
export interface LifeParts<L> {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly environment: VirtualEnvironment;
  readonly ledger: L;
  /** Told of what the program throws, or rejects with, while it lives. */
  fail(this: void, error: unknown): void;
}

/** One life of a program, from the opening of its node to a crash or the end of the world. */
export class Life<L> {
  readonly api: ProgramApi<L>;
  readonly #parts: LifeParts<L>;
  #alive = true;

  constructor(parts: LifeParts<L>) {
    this.#parts = parts;
    const { environment, random, ledger } = parts;
    this.api = {
      ledger,
      now: () => environment.now(),
      random: () => random.next(),
      sleep: (ms) => new Promise((resolve) => void this.#schedule(ms, resolve)),
      setTimeout: (task, ms) => this.#schedule(ms, () => this.run(task)),
      setInterval: (task, ms) => this.#repeat(task, Math.max(1, ms)),
    };
  }

  /** Runs a part of the program. */
  run(task: () => unknown): void {
    const failed = (error: unknown): void => {
      if (this.#alive) this.#parts.fail(error);
    };
    try {
      Promise.resolve(task()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** From now on nothing that the program waits for happens. */
  end(): void {
    this.#alive = false;
  }

  #schedule(ms: number, task: () => void): Timer {
    return this.#parts.time.schedule(Number.isNaN(ms) ? 0 : ms, () => {
      if (this.#alive) task();
    });
  }

  #repeat(task: () => unknown, ms: number): Timer {
    let stopped = false;
    let next: Timer | undefined;
    const again = (): void => {
      next = this.#schedule(ms, () => {
        this.run(task);
        if (!stopped) again();
      });
    };
    again();
    return {
      cancel: () => {
        stopped = true;
        next?.cancel();
      },
    };
  }
}
