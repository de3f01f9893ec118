import type { Environment } from '../../environment.ts';

/** Waits until something is over, however it ends, but at most so many milliseconds. */
export function atMost(over: Promise<unknown>, ms: number, environment: Environment): Promise<void> {
  return new Promise((resolve) => {
    const timer = environment.schedule(ms, resolve);
    void over.finally(() => {
      timer.cancel();
      resolve();
    });
  });
}
