/** The least time that passes during work in some tries, in milliseconds: a busy machine only adds to it. */
export const leastTime: LeastOf = (work, tries) => leastOf(() => performance.now(), work, tries);

/** The least processor time of this process during work in some tries, in milliseconds. */
export const leastProcessorTime: LeastOf = (work, tries) => leastOf(processorTime, work, tries);

type LeastOf = (work: () => unknown, tries?: number) => Promise<number>;

async function leastOf(clock: () => number, work: () => unknown, tries = 5): Promise<number> {
  let least = Infinity;
  for (let count = 0; count < tries; count++) {
    const began = clock();
    await work();
    least = Math.min(least, clock() - began);
  }
  return least;
}

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
