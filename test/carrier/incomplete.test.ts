import { expect, it } from 'vitest';
import { OPERATIONS } from '../../src/carrier/subjects.ts';
import { carried, codesOf, declaration, declare } from './carried.ts';

it('rows of a checkpoint that are gone are told, and come again from the nodes that have them', async () => {
  const { cluster, memory } = carried(3);
  for (const index of [0, 1]) await cluster.start(index, declare);
  const a = cluster.node(0).table('t', declaration);
  for (let index = 0; index < 100; index++) a.set(`k${index}`, 'x'.repeat(100));
  await cluster.run(10_000);
  // It stands for everything: nothing else says it any more.
  expect(memory.messages.filter(({ subject: [kind] }) => kind === OPERATIONS)).toHaveLength(0);
  memory.blobs.clear();
  const late = await cluster.start(2, declare);
  await cluster.run(10_000);
  expect(late.table('t', declaration).size).toBe(100);
  expect(codesOf(cluster, 2).filter((code) => code === 'carrier-incomplete')).toHaveLength(1);
  expect(codesOf(cluster, 2)).not.toContain('peer-lost');
  await cluster.close();
});
