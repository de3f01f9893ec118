import { Cluster, type ClusterOptions } from '../../src/simulation/cluster.ts';
import { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';

export { Cluster, Member } from '../../src/simulation/cluster.ts';
export type { ClusterOptions, Topology } from '../../src/simulation/cluster.ts';

/** A cluster whose nodes are all up; they have not met yet. Over a carrier where TABLECAST_CARRIER asks for it. */
export async function createCluster(options: ClusterOptions): Promise<Cluster> {
  let cluster: Cluster | undefined;
  const later = (task: () => void): void => void cluster?.time.schedule(1, task);
  const memory = new MemoryCarrier('memory://simulated', { defer: later });
  const isCarried = process.env['TABLECAST_CARRIER'] !== undefined;
  cluster = new Cluster(isCarried ? { ...options, topology: [], carrier: { memory } } : options);
  for (const { index } of cluster.members) await cluster.start(index);
  return cluster;
}
