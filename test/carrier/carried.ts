import { MemoryCarrier, type MemoryCarrierOptions } from '../../src/carrier/memory-carrier.ts';
import { Cluster } from '../../src/simulation/cluster.ts';

export const declaration = { key: 'string', value: 'string', mode: 'lww', backend: 'sqlite' } as const;

/** Nodes at one carrier, which writes a checkpoint behind 4 KiB; none is started. */
export function carried(
  size: number,
  options: MemoryCarrierOptions = {},
): { readonly cluster: Cluster; readonly memory: MemoryCarrier } {
  const memory = new MemoryCarrier('memory://tests', {
    defer: (task) => void cluster.time.schedule(1, task),
    ...options,
  });
  const cluster: Cluster = new Cluster({ size, topology: [], carrier: { memory, tailBytes: 4096 } });
  return { cluster, memory };
}

export function declare(node: { table(name: string, as: typeof declaration): unknown }): void {
  node.table('t', declaration);
}

export function codesOf(cluster: Cluster, index: number): string[] {
  return cluster.member(index).events.map(({ code }) => code);
}
