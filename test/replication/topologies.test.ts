import { describe, expect, it } from 'vitest';
import { type Cluster, type Topology, createCluster } from '../support/cluster.ts';
import { Traffic } from './traffic.ts';

const memory = { key: 'string', value: 'count', backend: 'memory' } as const;
const sqlite = { key: 'string', value: 'count', backend: 'sqlite' } as const;

const shapes: readonly [name: string, topology: Topology, size: number, links: number][] = [
  ['a pair', 'pair', 2, 1],
  ['a pair whose nodes dial each other', 'both', 2, 1],
  ['a star', 'star', 5, 4],
  ['a chain', 'chain', 5, 4],
  ['a ring', 'ring', 5, 5],
  ['a full mesh', 'mesh', 5, 10],
  ['a full mesh whose nodes all dial each other', 'both', 4, 6],
];

async function everybodyEqual(cluster: Cluster, name: string, size: number): Promise<void> {
  const tables = cluster.members.map(({ up }) => up.tables.get(name));
  const equal = await cluster.time.runUntil(() => tables.every((table) => table?.size === size), 30_000);
  const contents = tables.map((table) =>
    [...(table as unknown as Map<unknown, unknown>)].map(String).toSorted(),
  );
  expect(equal, `sizes ${tables.map((table) => table?.size).join(', ')}`).toBe(true);
  for (const content of contents) expect(content).toEqual(contents[0]);
}

// What goes round a ring both ways meets on one link, and crosses it in both directions at once.
describe.each(shapes)('%s', (_, topology, size, links) => {
  it('brings every operation of every node to every node, over each link at most once', async () => {
    const cluster = await createCluster({ size, topology, delayMs: [1, 3] });
    cluster.declare('memory', memory);
    cluster.declare('sqlite', sqlite);
    await cluster.run(3000);
    const traffic = new Traffic(cluster, topology === 'ring');
    for (let round = 0; round < 20; round++) {
      for (const { index, up } of cluster.members) {
        up.table('memory', memory).set(`${index} ${round}`, round);
        up.table('sqlite', sqlite).set(`${index} ${round}`, round);
      }
      await cluster.run(round % 3 === 0 ? 0 : 4);
    }
    await everybodyEqual(cluster, 'memory', size * 20);
    await everybodyEqual(cluster, 'sqlite', size * 20);
    await cluster.run(1000);
    expect(traffic.repeated).toEqual([]);
    expect(traffic.crossings).toBeLessThanOrEqual(links * size * 20 * 2 * (topology === 'ring' ? 2 : 1));
    const nodes = cluster.members.map(({ up }) => up);
    for (const node of nodes) expect(node.log.position).toBe(nodes[0]?.log.position);
    await cluster.close();
  });

  it('does so for a table that is declared when the connections are there already', async () => {
    const cluster = await createCluster({ size, topology });
    await cluster.run(3000);
    for (const { up } of cluster.members) {
      up.table('late', memory);
      await cluster.run(7);
    }
    await cluster.run(100);
    const traffic = new Traffic(cluster, topology === 'ring');
    for (const { index, up } of cluster.members) up.table('late', memory).set(`by ${index}`, index);
    await everybodyEqual(cluster, 'late', size);
    await cluster.run(1000);
    expect(traffic.repeated).toEqual([]);
    await cluster.close();
  });

  // INV-2
  it('keeps the order of each author everywhere', async () => {
    const cluster = await createCluster({ size, topology, delayMs: [0, 20] });
    const logs = cluster.members.map(({ up }) => {
      const seen = new Map<string, number[]>();
      up.table('memory', memory);
      up.log.operations().subscribe(({ origin, sequence }) => {
        const list = seen.get(origin) ?? [];
        list.push(sequence);
        seen.set(origin, list);
      });
      return seen;
    });
    for (let round = 0; round < 100; round++) {
      cluster
        .node(round % size)
        .table('memory', memory)
        .set('one key', round);
      await cluster.run(round % 2);
    }
    await cluster.run(5000);
    for (const seen of logs) {
      expect(seen.size).toBe(size);
      for (const list of seen.values()) expect(list).toEqual(list.map((_sequence, index) => index + 1));
    }
    await cluster.close();
  });
});
