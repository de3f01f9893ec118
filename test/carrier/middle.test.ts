import { expect, it } from 'vitest';
import type { Carried } from '../../src/carrier/carrier.ts';
import type { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';
import { OPERATIONS } from '../../src/carrier/subjects.ts';
import { carried, codesOf, declaration, declare } from './carried.ts';

/** A write that one message does not hold, by a node that is gone then; and what was there before it. */
async function longWrite() {
  const nodes = carried(2, { maxMessageBytes: 2048 });
  const { cluster, memory } = nodes;
  for (const index of [0, 1]) await cluster.start(index, declare);
  const a = cluster.node(0).table('t', declaration);
  a.set('before', 'a');
  await cluster.run(2000);
  expect(cluster.node(1).table('t', declaration).size).toBe(1);
  cluster.member(1).carrier?.setAway(true);
  const before = memory.messages.length;
  // Less than what makes a checkpoint due, which would stand for it.
  cluster.node(0).batch(() => {
    for (let index = 0; index < 30; index++) a.set(`k${index}`, 'x'.repeat(100));
  });
  await cluster.run(2000);
  cluster.crash(0);
  const parts = memory.messages.slice(before).filter(({ subject: [kind] }) => kind === OPERATIONS);
  expect(parts.length).toBeGreaterThan(1);
  return { ...nodes, before, parts };
}

/** Puts back a carrier whose places hold something else than when they were read. */
function restore(memory: MemoryCarrier, messages: readonly Carried[]): void {
  memory.restore(messages.map((message, index) => ({ ...message, place: index + 1 })));
}

it('a message whose first part lies before the place of a node is read from its beginning', async () => {
  const { cluster, memory, before, parts } = await longWrite();
  const declared = memory.messages.slice(0, before - 1);
  restore(memory, [...declared, ...parts]);
  cluster.member(1).carrier?.setAway(false);
  await cluster.run(10_000);
  expect(cluster.node(1).table('t', declaration).size).toBe(31);
  expect(codesOf(cluster, 1)).not.toContain('carrier-incomplete');
  await cluster.close();
});

it('operations that go on behind some which a node lacks are read from those on', async () => {
  const { cluster, memory } = carried(2);
  for (const index of [0, 1]) await cluster.start(index, declare);
  const a = cluster.node(0).table('t', declaration);
  a.set('one', 'a');
  await cluster.run(2000);
  cluster.member(1).carrier?.setAway(true);
  for (const key of ['two', 'three']) {
    a.set(key, 'a');
    await cluster.run(2000);
  }
  cluster.crash(0);
  const [one, two, three] = memory.messages.filter(({ subject: [kind] }) => kind === OPERATIONS);
  const others = memory.messages.filter(({ subject: [kind] }) => kind !== OPERATIONS);
  // The second stands where the first was read.
  const place = Number(one?.place);
  const all = [...others.slice(0, place - 2), one, two, three].filter((each) => each !== undefined);
  restore(memory, all);
  cluster.member(1).carrier?.setAway(false);
  await cluster.run(10_000);
  expect([...cluster.node(1).table('t', declaration).keys()].toSorted()).toEqual(['one', 'three', 'two']);
  expect(codesOf(cluster, 1).filter((code) => code === 'peer-lost')).toHaveLength(1);
  await cluster.close();
});

it('a long write that a node has already does not count as one that was not ended', async () => {
  const { cluster, memory, parts } = await longWrite();
  cluster.member(1).carrier?.setAway(false);
  await cluster.run(5000);
  expect(cluster.node(1).table('t', declaration).size).toBe(31);
  // It is read once more, from the beginning.
  restore(memory, [...memory.messages.slice(0, 1), ...parts]);
  await cluster.run(70_000);
  expect(codesOf(cluster, 1)).not.toContain('carrier-incomplete');
  await cluster.close();
});
