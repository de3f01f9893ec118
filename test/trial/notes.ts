import type { NodeNotes } from '../../src/trial/observer.ts';
import { type SourceRow, type Workload, makeWorkload } from '../../src/trial/workload.ts';

/** A workload of rows that say their key and are given to the nodes named, without seed or chance. */
export function rowsOf(...rows: readonly (readonly [key: string, node: number])[]): Workload {
  const ofNode = new Map<number, number>();
  const made = makeWorkload([], { nodes: 2, seed: 1, concurrent: 0, partitions: 0 });
  return {
    ...made,
    rows: rows.map(([key, node], index) => {
      const ordinal = (ofNode.get(node) ?? 0) + 1;
      ofNode.set(node, ordinal);
      return { key, value: `v${index}`, node, ordinal };
    }),
  };
}

/** What a node might say; everything left out is empty. */
export function notesOf(given: {
  readonly writes?: readonly {
    readonly row: number;
    readonly read?: readonly number[];
    readonly seen?: readonly number[];
    readonly at?: number;
  }[];
  readonly counts?: readonly (readonly [key: string, count: number])[];
  readonly latest?: readonly (readonly [key: string, row: number, alsoReadable?: readonly number[]])[];
  readonly diverged?: readonly string[];
}): NodeNotes {
  const { writes = [], counts = [], latest = [], diverged = [] } = given;
  return {
    written: writes.map(({ row }) => row),
    writtenAt: writes.map(({ row, at }) => at ?? row),
    read: writes.map(({ read }) => read ?? []),
    seen: writes.flatMap(({ seen }) => seen ?? [0, 0]),
    arrivedAt: new Float64Array(0),
    counts: { inConflict: [], diverged, rows: counts },
    latest: {
      inConflict: [],
      diverged: [],
      rows: latest.map(([key, row, also = []]) => [key, `${row} v${row}`, [row, ...also]]),
    },
  };
}

/** Rows of a few busy keys, as a log has them. */
export function busyRows(count: number, keys = 7): SourceRow[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `k${(index * index + (index % 5)) % keys}`,
    value: `q${index}`,
  }));
}
