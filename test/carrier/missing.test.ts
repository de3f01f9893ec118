import { expect, it } from 'vitest';
import type { Carried } from '../../src/carrier/carrier.ts';
import type { TableNode } from '../../src/index.ts';
import { BUNDLE, OPERATIONS } from '../../src/carrier/subjects.ts';
import { carried, codesOf, declaration, declare } from './carried.ts';

const isOperations = ({ subject: [kind] }: Carried): boolean => kind === OPERATIONS;

/** Two nodes, the second away while the first writes three messages. */
async function threeWrites() {
  const nodes = carried(3);
  const { cluster } = nodes;
  for (const index of [0, 1]) await cluster.start(index, declare);
  await cluster.run(1000);
  cluster.member(1).carrier?.setAway(true);
  const a = cluster.node(0).table('t', declaration);
  for (const key of ['one', 'two', 'three']) {
    a.set(key, 'a');
    await cluster.run(1000);
  }
  return nodes;
}

it.each([
  ['the first', 0],
  ['a middle', 1],
])(
  '%s message that a carrier lacks is missed by who reads the later ones, and its author publishes it again',
  async (_which, lost) => {
    const { cluster, memory } = await threeWrites();
    const gone = memory.messages.filter(isOperations)[lost];
    memory.lead(memory.messages.filter((message) => message !== gone));
    memory.cut('another server leads');
    cluster.member(1).carrier?.setAway(false);
    await cluster.run(20_000);
    expect([...cluster.node(1).table('t', declaration).keys()].toSorted()).toEqual(['one', 'three', 'two']);
    expect(codesOf(cluster, 1).filter((code) => code === 'carrier-incomplete')).toHaveLength(1);
    // Who comes then reads what was published again, and misses nothing.
    const late = await cluster.start(2, declare);
    await cluster.run(5000);
    expect(late.table('t', declaration).size).toBe(3);
    expect(codesOf(cluster, 2)).not.toContain('carrier-incomplete');
    expect(memory.messages.length).toBeLessThan(12);
    await cluster.close();
  },
);

it('a batch whose end a carrier lost ends with the next batch of its node', async () => {
  const { cluster, memory } = carried(3);
  const both = (node: TableNode) => [node.table('t', declaration), node.table('other', declaration)] as const;
  const a = await cluster.start(0, (node) => void both(node));
  for (const key of ['one', 'two']) {
    a.batch(() => {
      for (const table of both(a)) table.set(key, 'a');
    });
    await cluster.run(2000);
  }
  cluster.crash(0);
  const end = memory.messages.find(({ subject: [kind] }) => kind === BUNDLE);
  const bundle = end?.headers['Tablecast-Bundle'];
  // What follows it under the author's own subjects is lost as well.
  const second = memory.messages.filter(
    (message) => isOperations(message) && message.headers['Tablecast-Bundle'] !== bundle,
  );
  memory.lead(memory.messages.filter((message) => message !== end && !second.includes(message)));
  memory.cut('another server leads');
  const late = await cluster.start(1, (node) => void both(node));
  await cluster.run(5000);
  expect(both(late).map(({ size }) => size)).toEqual([1, 1]);
  await cluster.close();
});

it('a batch of which the end was not read yet is whole, although a table is read again meanwhile', async () => {
  const { cluster, memory } = carried(3);
  const all = (node: TableNode) => ['t', 'other', 'free'].map((name) => node.table(name, declaration));
  for (const index of [0, 1, 2]) await cluster.start(index, (node) => void all(node));
  await cluster.run(1000);
  cluster.member(1).carrier?.setAway(true);
  const free = cluster.node(2).table('free', declaration);
  for (const key of ['one', 'two']) {
    free.set(key, 'b');
    await cluster.run(1000);
  }
  const a = cluster.node(0);
  a.batch(() => {
    for (const table of all(a).slice(0, 2)) table.set('k', 'a');
  });
  await cluster.run(1000);
  for (const index of [0, 2]) cluster.crash(index);
  const ofFree = memory.messages.filter((one) => isOperations(one) && one.subject[1] === 'free');
  const end = memory.messages.filter(({ subject: [kind] }) => kind === BUNDLE);
  const others = memory.messages.filter((one) => !ofFree.includes(one) && !end.includes(one));
  // The first of the table is gone, and the second stands within the batch.
  const left = [...others, ...ofFree.slice(1), ...end];
  memory.lead(left.map((message, index) => ({ ...message, place: index + 1 })));
  cluster.member(1).carrier?.setAway(false);
  await cluster.run(5000);
  expect(all(cluster.node(1)).map(({ size }) => size)).toEqual([1, 1, 0]);
  await cluster.start(2, (node) => void all(node));
  await cluster.run(10_000);
  expect(all(cluster.node(1)).map(({ size }) => size)).toEqual([1, 1, 2]);
  await cluster.close();
});
