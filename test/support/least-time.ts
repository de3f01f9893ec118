import { threadTime, timeThatPasses } from './thread-time.ts';

/** The least time that passes during work in some tries, in milliseconds: a busy machine only adds to it. */
export const leastTime: LeastOf = (work, tries) => leastOf(timeThatPasses, work, tries);

/** The least processor time of this thread during work in some tries, in milliseconds. */
export const leastProcessorTime: LeastOf = (work, tries) => leastOf(threadTime, work, tries);

type LeastOf = (work: () => unknown, tries?: number) => Promise<number>;

async function leastOf(timing: () => () => number, work: () => unknown, tries = 5): Promise<number> {
  let least = Infinity;
  for (let count = 0; count < tries; count++) {
    const time = timing();
    await work();
    least = Math.min(least, time());
  }
  return least;
}
