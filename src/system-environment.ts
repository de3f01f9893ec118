import type { Environment } from './environment.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The real clock, timers and randomness of this process. Timers do not keep the process alive. */
export const systemEnvironment: Environment = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random: () => Math.random(),
  schedule(delayMs, task) {
    const timer: unknown = setTimeout(task, delayMs);
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref();
    return { cancel: () => clearTimeout(timer as ReturnType<typeof setTimeout>) };
  },
  stayAlive() {
    const timer = setInterval(() => undefined, LONGEST_TIMER_MS);
    return { cancel: () => clearInterval(timer) };
  },
  defer:
    typeof setImmediate === 'function'
      ? (task) => void setImmediate(task)
      : (task) => void setTimeout(task, 0),
};
