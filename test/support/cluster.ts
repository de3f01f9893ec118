import { Cluster, type ClusterOptions, type SimulatedCarrier } from '../../src/simulation/cluster.ts';
import { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';
import { settledGroup } from '../nats/settled-group.ts';

export { Cluster, Member } from '../../src/simulation/cluster.ts';
export type { ClusterOptions, Topology } from '../../src/simulation/cluster.ts';

/** Says over what nodes of tests are carried: `memory`, or the address of a NATS server; undefined: they have links. */
const CARRIER = process.env['TABLECAST_CARRIER'];
/** Whether a real server carries them: who of two is first there is a race. */
export const isAtServer: boolean = CARRIER !== undefined && CARRIER !== 'memory';

/** A cluster whose nodes are all up; they have not met yet. Over a carrier where TABLECAST_CARRIER asks for it. */
export async function createCluster(options: ClusterOptions): Promise<Cluster> {
  let cluster: Cluster | undefined;
  const carrier = carrierOf((task) => void cluster?.time.schedule(1, task));
  cluster = new Cluster(carrier === undefined ? options : { ...options, topology: [], carrier });
  for (const { index } of cluster.members) await cluster.start(index);
  return cluster;
}

function carrierOf(defer: (task: () => void) => void): SimulatedCarrier | undefined {
  switch (CARRIER) {
    case undefined:
      return undefined;
    case 'memory':
      return { memory: new MemoryCarrier('memory://simulated', { defer }) };
    default:
      return settledGroup(CARRIER);
  }
}
