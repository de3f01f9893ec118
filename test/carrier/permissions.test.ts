import { expect, test } from 'vitest';
import { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';
import { OPERATIONS } from '../../src/carrier/subjects.ts';
import { Cluster } from '../../src/simulation/cluster.ts';

const declaration = { key: 'string', value: 'string', mode: 'lww', backend: 'sqlite' } as const;

test('what a node may not publish of others holds up nothing, and is published once it may', async () => {
  let isGateway = false;
  const memory = new MemoryCarrier('memory://permissions', {
    defer: (task) => void cluster.time.schedule(1, task),
    permits: ({ subject: [kind, , author], headers }) =>
      isGateway || kind !== OPERATIONS || headers['Tablecast-By'] === author,
  });
  const cluster = new Cluster({ size: 3, topology: [], carrier: { memory } });
  for (const index of [0, 1]) await cluster.start(index, (node) => void node.table('t', declaration));
  const [a, b] = [cluster.node(0), cluster.node(1)];
  a.table('t', declaration).set('of a', '1');
  b.table('t', declaration).set('of b', '1');
  await cluster.run(5000);
  expect(a.table('t', declaration).size).toBe(2);
  await cluster.stop(1);
  memory.remake();
  await cluster.run(5000);
  a.table('t', declaration).set('after', '1');
  const late = await cluster.start(2, (node) => void node.table('t', declaration));
  await cluster.run(5000);
  expect([...late.table('t', declaration)].map(([key]) => key).toSorted()).toEqual(['after', 'of a']);
  expect(cluster.member(0).events.filter(({ code }) => code === 'carrier-refused')).toHaveLength(1);
  isGateway = true;
  await cluster.run(10_000);
  expect(late.table('t', declaration).size).toBe(3);
  expect(cluster.member(0).events.map(({ code }) => code)).toContain('carrier-recovered');
  await cluster.close();
});
