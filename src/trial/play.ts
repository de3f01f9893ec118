import type { NodeNotes } from './observer.ts';
import type { Stretch, Workload } from './workload.ts';

/** A cluster that a workload can be played on. */
export interface PlayedCluster {
  /** Separates a node from the others, until {@link heal}. */
  cut(node: number): Promise<void>;
  /** Ends the separation. */
  heal(): Promise<void>;
  /** Writes one row. */
  write(row: number): Promise<void>;
  /** Every node writes its rows from `from` to `to` without waiting for anybody. */
  burst(from: number, to: number): Promise<void>;
  /** Resolves when each node has what can reach it of the first `rows` rows. Rejects when that takes too long. */
  arrived(rows: number, stretch: Stretch): Promise<void>;
  /** Waits until tables were compared at rest, and gives what the nodes have to say. */
  finish(): Promise<readonly NodeNotes[]>;
}

/** Plays a workload from its first row until every node has everything that was written. */
export async function play(workload: Workload, cluster: PlayedCluster): Promise<readonly NodeNotes[]> {
  for (const stretch of workload.stretches) {
    const { from, to, busy, cutOff } = stretch;
    if (cutOff !== undefined) await cluster.cut(cutOff);
    if (busy) await cluster.burst(from, to);
    else await oneByOne(cluster, stretch);
    await cluster.arrived(to, stretch);
    if (cutOff === undefined) continue;
    await cluster.heal();
    await cluster.arrived(to, { ...stretch, cutOff: undefined });
  }
  return cluster.finish();
}

async function oneByOne(cluster: PlayedCluster, stretch: Stretch): Promise<void> {
  for (let row = stretch.from; row < stretch.to; row++) {
    await cluster.write(row);
    await cluster.arrived(row + 1, stretch);
  }
}
