import { openSync, readSync } from 'node:fs';

/** The kernel's clock of a thread is behind by at most its tick, of 4 ms or less on the kernels of today. */
const TICK_MS = 4;

/**
 * Begins to count the processor time of the calling thread; what it returns tells the milliseconds since then, never
 * fewer than there were, on a system that tells no time of a thread either.
 *
 * The time of the process counts the collector's and the compiler's threads too, which work beside the event loop;
 * what passed on the clock counts others on the machine. Either may be twice the truth on a busy machine, so that the
 * least of the three is taken.
 */
export function threadTime(): () => number {
  const passed = timeThatPasses();
  const ofProcess = processTime();
  const ofThread = timeOfThread();
  return () => Math.min(passed(), processTime() - ofProcess, timeOfThread() - ofThread + TICK_MS);
}

/** Begins to count what passes; what it returns tells the milliseconds since then. */
export function timeThatPasses(): () => number {
  const began = performance.now();
  return () => performance.now() - began;
}

function processTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** `/proc/thread-self/schedstat`, whose first number is nanoseconds on a processor; undefined on other systems. */
const schedule = ((): number | undefined => {
  try {
    return openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return undefined;
  }
})();
const buffer = Buffer.alloc(96);

function timeOfThread(): number {
  if (schedule === undefined) return processTime();
  const length = readSync(schedule, buffer, 0, buffer.length, 0);
  return Number(buffer.toString('latin1', 0, length).split(' ', 1)[0]) / 1e6;
}
