import { openSync, readSync } from 'node:fs';

/** The kernel's clock of a thread is behind by at most its tick, of 4 ms or less on the kernels of today. */
const TICK_MS = 4;

/** What {@link referenceWork} takes on the machine that bounds of processor time were set on: two idle cores of an EPYC. */
const REFERENCE_MS = 30;

/**
 * Begins to count the processor time of the calling thread; what it returns tells the milliseconds since then, as the
 * machine that bounds were set on would have needed: never fewer than there were on one as fast or faster.
 *
 * The time of the process counts the collector's and the compiler's threads too, which work beside the event loop;
 * what passed on the clock counts others on the machine. Either may be twice the truth on a busy machine, so that the
 * least of the three is taken.
 */
export function threadTime(): () => number {
  const passed = timeThatPasses();
  const ofProcess = processTime();
  const ofThread = timeOfThread();
  return () => {
    const spent = Math.min(passed(), processTime() - ofProcess, timeOfThread() - ofThread + TICK_MS);
    return spent / (slowness ??= slownessHere());
  };
}

/** How many times slower than the machine bounds were set on this one is; measured once in a process. */
let slowness: number | undefined;

function slownessHere(): number {
  let least = Infinity;
  for (let tries = 0; tries < 6 && least > REFERENCE_MS; tries++) {
    const [ofProcess, ofThread] = [processTime(), timeOfThread()];
    referenceWork();
    least = Math.min(least, processTime() - ofProcess, timeOfThread() - ofThread);
  }
  return Math.max(1, least / REFERENCE_MS);
}

/** Does what the engine does most: makes texts and small objects, and finds them in a map. */
function referenceWork(): number {
  let sum = 0;
  for (let round = 0; round < 8; round++) {
    const rows = new Map<string, { readonly index: number; readonly key: string }>();
    for (let index = 0; index < 20_000; index++) {
      const key = `key ${(index * 7919) % 20_011}`;
      rows.set(key, { index, key });
    }
    for (const [key, { index }] of rows) sum = Math.trunc(sum * 31 + index + key.length) % 1_000_003;
  }
  return sum;
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
