import { afterEach } from 'vitest';
import { type Cluster, createCluster } from './cluster.ts';

/** {@link createCluster} for the tests of one file; what a test made is closed behind it. */
export function clustersOfATest(): typeof createCluster {
  const clusters: Cluster[] = [];
  afterEach(async () => {
    for (const cluster of clusters.splice(0)) await cluster.close();
  });
  return async (options) => {
    const cluster = await createCluster(options);
    clusters.push(cluster);
    return cluster;
  };
}
