export { Cluster, Member, createCluster } from '../../src/simulation/cluster.ts';
export type { ClusterOptions, Topology } from '../../src/simulation/cluster.ts';
