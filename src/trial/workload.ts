import { SeededRandom } from '../simulation/seeded-random.ts';

/** One record of a log: who asked, and what. */
export interface SourceRow {
  readonly key: string;
  readonly value: string;
}

/** The options say how a workload is laid out. */
export interface WorkloadOptions {
  /** Nodes that count at the same time, 2 to 8. */
  readonly nodes: number;
  readonly seed: number;
  /** Percent of the rows written in stretches in which no node waits for another. */
  readonly concurrent: number;
  /** Percent of the rows written while one node is cut off from the others. */
  readonly partitions: number;
}

/** One record, given to a node. It is two writes: `increment` of the key's count, `set` of its latest value. */
export interface WorkloadRow extends SourceRow {
  readonly node: number;
  /** Says which row of its node it is, from 1. */
  readonly ordinal: number;
}

/** Consecutive rows that are written under the same conditions. */
export interface Stretch {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /**
   * Says whether nodes write without waiting; otherwise each row waits until the one before has arrived
   * everywhere.
   */
  readonly busy: boolean;
  /** The node that is cut off from the others. */
  readonly cutOff: number | undefined;
}

/** A workload is what every mode is given: the same rows on the same nodes in the same order, on every machine. */
export interface Workload {
  readonly options: WorkloadOptions;
  readonly rows: readonly WorkloadRow[];
  readonly stretches: readonly Stretch[];
}

const STRETCHES = 20;
const MAX_STRETCH_ROWS = 1000;

/** Lays out rows by a seed. Equal rows and options give an equal workload on every machine. */
export function makeWorkload(source: readonly SourceRow[], options: WorkloadOptions): Workload {
  // Forked, so that rows made with the same seed do not draw the same numbers.
  const random = new SeededRandom(options.seed).fork();
  const ofNode = Array.from({ length: options.nodes }, () => 0);
  const rows = source.map(({ key, value }) => {
    const node = random.between(0, options.nodes - 1);
    const ordinal = (ofNode[node] ?? 0) + 1;
    ofNode[node] = ordinal;
    return { key, value, node, ordinal };
  });
  return { options, rows, stretches: makeStretches(rows.length, options, random) };
}

function makeStretches(rows: number, options: WorkloadOptions, random: SeededRandom): Stretch[] {
  const length = Math.max(1, Math.min(MAX_STRETCH_ROWS, Math.ceil(rows / STRETCHES)));
  const count = Math.ceil(rows / length);
  const busy = chosen(count, options.concurrent, random);
  const cut = chosen(count, options.partitions, random);
  return Array.from({ length: count }, (_, index) => ({
    from: index * length,
    to: Math.min(rows, (index + 1) * length),
    busy: busy.has(index),
    cutOff: cut.has(index) ? random.between(0, options.nodes - 1) : undefined,
  }));
}

/** Returns a share of the numbers below `count`: none for 0 percent, at least one for more. */
function chosen(count: number, percent: number, random: SeededRandom): ReadonlySet<number> {
  const left = Array.from({ length: count }, (_, index) => index);
  const wanted = percent === 0 ? 0 : Math.max(1, Math.round((count * percent) / 100));
  const picked = new Set<number>();
  while (picked.size < wanted && left.length > 0) {
    picked.add(left.splice(random.between(0, left.length - 1), 1)[0] as number);
  }
  return picked;
}

/**
 * Counts how many rows of each node a node holds once `rows` rows were written and everything that can arrive
 * has arrived: of nodes on the other side of a cut, those from before the stretch.
 */
export function reachable(
  workload: Workload,
  at: { node: number; rows: number; stretch: Stretch },
): number[] {
  const { node, rows, stretch } = at;
  const apart = (other: number): boolean =>
    stretch.cutOff !== undefined && (node === stretch.cutOff) !== (other === stretch.cutOff);
  const held = Array.from({ length: workload.options.nodes }, () => 0);
  // Ordinals rise with the rows, so the last row of each node says all.
  const found = new Set<number>();
  for (let index = rows - 1; index >= 0 && found.size < held.length; index--) {
    const row = workload.rows[index] as WorkloadRow;
    if (found.has(row.node) || (index >= stretch.from && apart(row.node))) continue;
    found.add(row.node);
    held[row.node] = row.ordinal;
  }
  return held;
}
