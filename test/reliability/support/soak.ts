import { execFileSync } from 'node:child_process';

/** What a soak showed. */
export interface SoakReport {
  /** Bytes in use after each round, collected. */
  readonly heap: readonly number[];
  /** Rows of both tables at both nodes after each round. */
  readonly rows: readonly (readonly number[])[];
  /** Bytes by which memory grew per round, fitted over the second half. */
  readonly slope: number;
}

/** Runs rounds of writes in a process of their own. */
export function soak(
  program: string,
  options: { scratch: string; rounds: number; keysPerRound: number },
): SoakReport {
  const { scratch, rounds, keysPerRound } = options;
  const output = execFileSync(process.execPath, [program, scratch, String(rounds), String(keysPerRound)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = output
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('heap '))
    .map((line) => line.split(' ').slice(1).map(Number));
  const heap = lines.map(([bytes = 0]) => bytes);
  return {
    heap,
    rows: lines.map((line) => line.slice(1)),
    slope: slopeOf(heap.slice(Math.floor(heap.length / 2))),
  };
}

/** What a soak of one node's disk showed. */
export interface DiskSoakReport {
  /** Per round: bytes of heap in use, rows, bytes of the database, first position kept. */
  readonly rounds: readonly { heap: number; rows: number; disk: number; first: number }[];
  /** Bytes by which the database and the heap grew per round, fitted over the second half. */
  readonly diskSlope: number;
  readonly heapSlope: number;
}

/** Overwrites a thousand rows for ever in a process of its own; `kept` operations of log, 0 for all. */
export function diskSoak(
  program: string,
  options: { scratch: string; rounds: number; perRound: number; kept: number },
): DiskSoakReport {
  const { scratch, rounds, perRound, kept } = options;
  const args = [program, scratch, String(rounds), String(perRound), String(kept)];
  const output = execFileSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = output
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('heap '))
    .map((line) => line.split(' ').slice(1).map(Number))
    .map(([heap = 0, rows = 0, disk = 0, first = 0]) => ({ heap, rows, disk, first }));
  const later = lines.slice(Math.floor(lines.length / 2));
  return {
    rounds: lines,
    diskSlope: slopeOf(later.map(({ disk }) => disk)),
    heapSlope: slopeOf(later.map(({ heap }) => heap)),
  };
}

/** Least squares. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let above = 0;
  let below = 0;
  for (const [index, value] of values.entries()) {
    above += (index - middle) * (value - mean);
    below += (index - middle) ** 2;
  }
  return above / below;
}
