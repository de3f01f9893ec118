const FIRST_MS = 200;
const LONGEST_MS = 10_000;

/** Pause before the next attempt after `failures` in a row: doubling, with jitter, at most 10 seconds. */
export function backoffMs(failures: number, random: number): number {
  const base = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return base * (0.5 + random / 2);
}
