import { sharedMicroseconds, stopwatch } from './clock.ts';
import type { Measure } from './contest.ts';
import { indexOfKey } from './data.ts';
import {
  type FromReader,
  type Goal,
  LATENCY_BASE,
  type Link,
  type LinkReader,
  type ToReader,
} from './link-types.ts';

/** Runs the second end; `child.js` calls it in the process that `link.ts` forks. */
export function readerOf(link: Link): Measure {
  return async (setting) => {
    await link.prepare?.();
    const watch = new Watch();
    let reader: LinkReader | undefined;
    const onMessage = async (message: ToReader): Promise<boolean> => {
      if ('end' in message) {
        await reader?.close?.();
        return true;
      }
      if ('connect' in message) {
        watch.begin(Number.NaN, message.goal);
        reader = await link.reader(setting, message.connect, (key, value) => watch.told(key, value));
      } else {
        watch.begin(message.until);
      }
      if (!('goal' in message)) answer({ ready: true });
      return false;
    };
    answer({ ready: true });
    return new Promise((resolve, reject) => {
      process.on('message', (message: ToReader) => {
        onMessage(message).then((ended) => ended && resolve({}), reject);
      });
    });
  };
}

function answer(message: FromReader): void {
  process.send?.(message);
}

/** Watches what the reader is told of, for the sign that it has everything. */
class Watch {
  #until = Number.NaN;
  #goal: Goal | undefined;
  #values = new Float64Array(0);
  #changes = 0;
  #sum = 0;
  #spent = stopwatch();

  begin(until: number, goal?: Goal): void {
    this.#until = until;
    this.#goal = goal;
    this.#values = new Float64Array(goal?.keys ?? 0);
    this.#changes = 0;
    this.#spent = stopwatch();
  }

  told(key: string, value: number): void {
    this.#changes++;
    if (value >= LATENCY_BASE) answer({ latency: sharedMicroseconds() + LATENCY_BASE - value });
    else if (this.#goal !== undefined) this.#tellRow(key, value, this.#goal);
    else if (value === this.#until) this.#finish();
  }

  #tellRow(key: string, value: number, goal: Goal): void {
    const index = indexOfKey(key);
    this.#sum += Math.floor(value) - (this.#values[index] as number);
    this.#values[index] = Math.floor(value);
    if (this.#sum === goal.sum) this.#finish();
  }

  #finish(): void {
    answer({ done: { cpuUs: this.#spent().cpuUs, changes: this.#changes } });
  }
}
