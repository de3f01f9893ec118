import { describe, expect, it } from 'vitest';
import type { MapTable, SetTable } from '../../src/index.ts';
import type { Cluster } from '../support/cluster.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';

const createCluster = clustersOfATest();
const sums = { key: 'string', value: 'int', backend: 'sqlite', mode: 'automerge' } as const;
const modes = ['naive', 'lww', 'automerge'] as const;
type Mode = (typeof modes)[number];
type Table = MapTable<string, string> | SetTable<string>;
type Sums = MapTable<string, number | bigint>;

const sumsOf = (cluster: Cluster, index: number): Sums => cluster.node(index).table('sums', sums);

async function switched(cluster: Cluster, index: number, mode: Mode): Promise<void> {
  await cluster.time.until(sumsOf(cluster, index).switchMode(mode));
  await cluster.run(50);
}

/** Nodes that all hold `key` = 4 and then part: what one does in a partition, a switch of the first does not know. */
async function parted(size: number): Promise<Cluster> {
  const cluster = await createCluster({ size, topology: 'star' });
  cluster.declare('sums', sums);
  await cluster.run(1000);
  sumsOf(cluster, 1).increment('key', 4);
  await cluster.run(1000);
  for (let index = 1; index < size; index++) cluster.setCut(0, index, true);
  return cluster;
}

/** Everybody meets again; returns what each holds in the end. */
async function met(cluster: Cluster): Promise<(number | bigint | undefined)[]> {
  for (let index = 1; index < cluster.members.length; index++) cluster.setCut(0, index, false);
  await cluster.run(60_000);
  return cluster.members.map(({ index }) => sumsOf(cluster, index).get('key'));
}

/** Each run by itself, as in turns of the event loop. */
async function renew(cluster: Cluster, index: number, by: number): Promise<void> {
  sumsOf(cluster, index).delete('key');
  await cluster.run(5);
  sumsOf(cluster, index).increment('key', by);
  await cluster.run(5);
}

async function restarted(cluster: Cluster, index: number): Promise<void> {
  await cluster.stop(index);
  await cluster.start(index);
  cluster.node(index).table('sums', sums);
  await cluster.run(50);
}

describe.each(modes)('what was done to a counter without knowing of a switch to %s', (mode) => {
  it('counts from the removal on, if it was removed and begun anew', async () => {
    const cluster = await parted(2);
    await renew(cluster, 1, 5);
    await switched(cluster, 0, mode);
    expect(await met(cluster)).toEqual([5, 5]);
  });

  it('counts once, if it was begun anew by two', async () => {
    const cluster = await parted(3);
    await renew(cluster, 1, 5);
    await renew(cluster, 2, 7);
    await switched(cluster, 0, mode);
    const found = await met(cluster);
    if (mode === 'automerge') expect(found).toEqual([12, 12, 12]);
    // Where additions do not add up by themselves, of two at once one stands; in `naive`, on each node.
    else expect(found.every((sum) => [5, 7, 12].includes(Number(sum)))).toBe(true);
  });

  it.each(modes)('is removed also after a second switch, from %s', async (first) => {
    const cluster = await parted(2);
    sumsOf(cluster, 1).delete('key');
    await cluster.run(5);
    await switched(cluster, 0, first);
    await switched(cluster, 0, mode);
    expect(await met(cluster)).toEqual([undefined, undefined]);
  });

  it.each(modes)('is removed if its author went over to %s since', async (own) => {
    const cluster = await parted(2);
    sumsOf(cluster, 1).delete('key');
    await switched(cluster, 1, own);
    for (let count = 0; count < 3; count++) await switched(cluster, 0, mode);
    expect(await met(cluster)).toEqual([undefined, undefined]);
  });

  it.each(modes)('counts from the removal on if its author went over to %s in between', async (own) => {
    const cluster = await parted(2);
    sumsOf(cluster, 1).delete('key');
    await switched(cluster, 1, own);
    sumsOf(cluster, 1).increment('key', 5);
    await cluster.run(5);
    await switched(cluster, 1, 'automerge');
    await restarted(cluster, 1);
    for (let count = 0; count < 4; count++) await switched(cluster, 0, mode);
    expect(await met(cluster)).toEqual([5, 5]);
  });

  it.each(['naive', 'lww'] as const)(
    'is what was set under %s last, not what was added before',
    async (own) => {
      const cluster = await parted(2);
      sumsOf(cluster, 1).set('key', 10);
      await cluster.run(5);
      sumsOf(cluster, 1).increment('key', 5);
      await switched(cluster, 1, own);
      sumsOf(cluster, 1).set('key', 20);
      await switched(cluster, 1, 'automerge');
      for (let count = 0; count < 4; count++) await switched(cluster, 0, mode);
      expect(await met(cluster)).toEqual([20, 20]);
    },
  );
});

describe('what was added without knowing of two switches', () => {
  it.each(['naive', 'lww'] as const)(
    'adds to what stands after the second, not the first, under %s',
    async (own) => {
      const cluster = await parted(3);
      sumsOf(cluster, 1).increment('key', 5);
      await cluster.run(5);
      await switched(cluster, 0, own);
      // It is written again: 9.
      cluster.setCut(0, 1, false);
      await cluster.run(5000);
      expect(sumsOf(cluster, 0).get('key')).toBe(9);
      sumsOf(cluster, 2).set('key', 100);
      for (let count = 0; count < 3; count++) await switched(cluster, 2, 'automerge');
      expect(await met(cluster)).toEqual([105, 105, 105]);
    },
  );
});

describe.each(['map', 'set'] as const)('in a %s of names', (kind) => {
  const value = kind === 'map' ? 'string' : undefined;
  const names = { key: 'string', value, backend: 'sqlite', mode: 'naive' } as never;
  const namesOf = (cluster: Cluster, index: number): Table => cluster.node(index).table('names', names);

  it.each(modes)(
    'a key stays removed, if a switch to %s follows others and knew of nothing',
    async (mode) => {
      const cluster = await createCluster({ size: 2 });
      cluster.declare('names', names);
      await cluster.run(1000);
      const table = namesOf(cluster, 1);
      if ('set' in table) table.set('key', 'a');
      else table.add('key');
      await cluster.run(1000);
      cluster.setCut(0, 1, true);
      table.delete('key');
      await cluster.time.until(table.switchMode('lww'));
      await cluster.run(50);
      for (let count = 0; count < 3; count++) {
        await cluster.time.until(namesOf(cluster, 0).switchMode(mode));
        await cluster.run(50);
      }
      cluster.setCut(0, 1, false);
      await cluster.run(60_000);
      expect([namesOf(cluster, 0).has('key'), table.has('key')]).toEqual([false, false]);
    },
  );
});
