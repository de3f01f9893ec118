import { expect, test } from 'vitest';
import type { TableNode } from '../../src/index.ts';
import { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';
import { OPERATIONS, TABLE } from '../../src/carrier/subjects.ts';
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

test('a table that a node may not declare is told, and holds up no other until somebody declares it', async () => {
  const memory = new MemoryCarrier('memory://permissions', {
    defer: (task) => void cluster.time.schedule(1, task),
    permits: ({ subject: [kind, table] }) => kind !== TABLE || table === 'open',
  });
  const cluster = new Cluster({ size: 2, topology: [], carrier: { memory } });
  const both = (node: TableNode) => ['closed', 'open'].map((name) => node.table(name, declaration));
  for (const index of [0, 1]) await cluster.start(index, (node) => void both(node));
  for (const table of both(cluster.node(0))) table.set('k', '1');
  await cluster.run(10_000);
  expect(both(cluster.node(1)).map(({ size }) => size)).toEqual([0, 1]);
  const told = cluster.member(0).events.map(({ code, details }) => [code, details?.['table']]);
  expect(told.filter(([code]) => code === 'carrier-refused')).toEqual([['carrier-refused', 'closed']]);
  expect(told.map(([code]) => code)).not.toContain('peer-lost');
  const { bytes } = memory.messages.find(({ subject: [kind] }) => kind === TABLE)!;
  memory.add({ subject: [TABLE, 'closed'], headers: {}, bytes, after: 0, id: '' });
  await cluster.run(2000);
  expect(both(cluster.node(1)).map(({ size }) => size)).toEqual([1, 1]);
  expect(cluster.member(0).events.map(({ code }) => code)).toContain('carrier-recovered');
  await cluster.close();
});

test('a table that a node may not write holds up none of its others, and nothing of it is lost', async () => {
  let mayWrite = false;
  const memory = new MemoryCarrier('memory://permissions', {
    defer: (task) => void cluster.time.schedule(1, task),
    permits: ({ subject: [kind, table] }) => mayWrite || kind !== OPERATIONS || table === 'open',
  });
  const cluster = new Cluster({ size: 2, topology: [], carrier: { memory } });
  const both = (node: TableNode) => ['closed', 'open'].map((name) => node.table(name, declaration));
  for (const index of [0, 1]) await cluster.start(index, (node) => void both(node));
  for (const [index, table] of both(cluster.node(0)).entries()) table.set(`k${index}`, '1');
  await cluster.run(5000);
  both(cluster.node(0))[1]?.set('later', '1');
  await cluster.run(5000);
  expect(both(cluster.node(1)).map(({ size }) => size)).toEqual([0, 2]);
  const codes = () => cluster.member(0).events.map(({ code }) => code);
  expect(codes().filter((code) => code === 'carrier-refused')).toHaveLength(1);
  mayWrite = true;
  await cluster.run(61_000);
  expect(both(cluster.node(1)).map(({ size }) => size)).toEqual([1, 2]);
  expect(codes()).toContain('carrier-recovered');
  expect(codes()).not.toContain('peer-lost');
  await cluster.close();
});
