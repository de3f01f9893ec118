import { createHash } from 'node:crypto';
import { judge } from './judge.ts';
import type { NodeNotes } from './observer.ts';
import type { Latency, ModeResult } from './results.ts';
import type { ComparedMode } from './tables.ts';
import type { Workload, WorkloadRow } from './workload.ts';

/** Each row is an `increment` and a `set`. */
const WRITES_PER_ROW = 2;

/** Spent is what the counters of a cluster say after a run. */
export interface Spent {
  readonly wireBytes: number;
  readonly diskBytes: number;
  /** Adds up the memory of all nodes. */
  readonly memoryBytes: number | undefined;
  readonly writesPerSecond: number;
}

/** Writes per second, of rows in milliseconds. */
export function writeRate(rows: number, ms: number): number {
  return (rows * WRITES_PER_ROW * 1000) / ms;
}

/** Puts together what one mode made of a workload. */
export function resultOf(
  mode: ComparedMode,
  workload: Workload,
  run: { notes: readonly NodeNotes[]; spent: Spent },
): ModeResult {
  const { notes, spent } = run;
  const { wireBytes, diskBytes, memoryBytes, writesPerSecond } = spent;
  return {
    mode,
    judgement: judge(workload, notes),
    wireBytes,
    diskBytes,
    interleaving: interleavingOf(notes),
    measured: {
      writesPerSecond,
      latencyMs: latencyOf(workload, notes),
      memoryBytes: memoryBytes === undefined ? undefined : memoryBytes / workload.options.nodes,
    },
  };
}

/** Returns a hash of what each writer had seen when it wrote each row. */
function interleavingOf(notes: readonly NodeNotes[]): string {
  const hash = createHash('sha256');
  for (const { written, seen } of notes) hash.update(`${written.join()};${seen.join()};`);
  return hash.digest('hex').slice(0, 16);
}

/** Measures the rows of stretches that are neither busy nor cut: nothing else was under way. */
function latencyOf({ rows, stretches }: Workload, notes: readonly NodeNotes[]): Latency | undefined {
  const writtenAt = new Map<number, number>();
  for (const note of notes)
    for (const [at, row] of note.written.entries()) writtenAt.set(row, note.writtenAt[at] as number);
  const times: number[] = [];
  for (const { from, to, busy, cutOff } of stretches) {
    if (busy || cutOff !== undefined) continue;
    for (let row = from; row < to; row++) {
      const began = writtenAt.get(row) as number;
      for (const [node, { arrivedAt }] of notes.entries())
        if (node !== (rows[row] as WorkloadRow).node) times.push((arrivedAt[row] as number) - began);
    }
  }
  const known = times.filter((time) => !Number.isNaN(time)).toSorted((one, other) => one - other);
  if (known.length === 0) return undefined;
  return { p50: quantile(known, 0.5), p99: quantile(known, 0.99), samples: known.length };
}

function quantile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
  return Math.round(value * 1000) / 1000;
}
