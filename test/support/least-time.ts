/** The least time that work takes in some tries, in milliseconds: a busy machine adds to it, and takes nothing off. */
export async function leastTime(work: () => unknown, tries = 5): Promise<number> {
  let least = Infinity;
  for (let count = 0; count < tries; count++) {
    const began = performance.now();
    await work();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}
