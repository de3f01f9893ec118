import type { Environment } from '../../../src/environment.ts';

/** Real time and timers, no randomness. */
export const testEnvironment: Environment = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random: () => 0.5,
  schedule(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  stayAlive: () => ({ cancel: () => undefined }),
  defer: (task) => void setImmediate(task),
};
