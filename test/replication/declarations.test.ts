import { describe, expect, it } from 'vitest';
import { createCluster } from '../support/cluster.ts';
import { readLog } from '../support/read-log.ts';

const declaration = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const other = { key: 'string', value: 'count', backend: 'memory' } as const;

describe('tables that nodes declare or do not', () => {
  it('are not stored where they are not declared, not even by a node in between', async () => {
    const cluster = await createCluster({ size: 3, topology: 'chain' });
    const near = cluster.node(0).table('t', declaration);
    cluster.node(1).table('another', declaration);
    const far = cluster.node(2).table('t', declaration);
    near.set('a', 1);
    await cluster.run(5000);
    expect(far.size).toBe(0);
    expect(cluster.node(1).log.position).toBe(0);
    expect(cluster.member(1).disk.segments).toEqual([]);
    await expect(cluster.time.until(cluster.node(1).log.stateAt({ table: 't' }))).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
    await cluster.close();
  });

  it('arrive in full when they are declared later, and then pass on to others', async () => {
    const cluster = await createCluster({ size: 3, topology: 'chain' });
    const near = cluster.node(0).table('t', declaration);
    const far = cluster.node(2).table('t', declaration);
    near.set('a', 1);
    far.set('b', 2);
    await cluster.run(5000);
    const between = cluster.node(1).table('t', declaration);
    await cluster.run(1000);
    for (const table of [near, between, far])
      expect([...table].map(String).toSorted()).toEqual(['a,1', 'b,2']);
    expect((await cluster.time.until(readLog(cluster.node(1)))).length).toBe(2);
    await cluster.close();
  });

  it.each([
    ['other values', { value: 'string' }, 'value is here count and there string.'],
    ['other keys', { key: ['int', 'addr'] }, 'key is here string and there [int, addr].'],
    ['an expiry', { writeExpire: '1h' }, 'writeExpire is here left out and there 3600000 ms.'],
    ['no values', { value: undefined }, 'value is here count and there left out, as of a set.'],
    ['another mode', { mode: 'lww' }, 'mode is here naive and there lww.'],
  ] as const)(
    'declared with %s are reported on both sides, and all others go on',
    async (_, members, words) => {
      const differing = { key: 'string', value: 'count', backend: 'sqlite', ...members } as const;
      const cluster = await createCluster({ size: 2, topology: 'pair' });
      const [one] = [cluster.node(0).table('t', declaration), cluster.node(1).table('t', differing)];
      const [fine, good] = cluster.declare('fine', other);
      one.set('a', 1);
      fine?.set('b', 2);
      await cluster.run(5000);
      expect(cluster.node(1).tables.get('t')?.size).toBe(0);
      expect(good?.get('b')).toBe(2);
      for (const [index, { events }] of cluster.members.entries()) {
        const refused = events.filter(({ code }) => code === 'table-refused');
        expect(refused.length).toBe(1);
        const here = cluster.node(index).tables.get('t')?.declaration;
        const there = cluster.node(1 - index).tables.get('t')?.declaration;
        expect(refused[0]).toMatchObject({ table: 't', peer: `n${1 - index}`, details: { here, there } });
        if (index === 0)
          expect(refused[0]?.message).toBe(`Table t is not replicated with this peer: ${words}`);
      }
      fine?.set('later', 3);
      await cluster.run(100);
      expect(good?.get('later')).toBe(3);
      await cluster.close();
    },
  );

  it('may be kept in memory on one node and on disk on another', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair' });
    const disk = cluster.node(0).table('t', declaration);
    const memory = cluster.node(1).table('t', other);
    disk.set('a', 1);
    memory.set('b', 2);
    await cluster.run(3000);
    expect([...disk].map(String).toSorted()).toEqual(['a,1', 'b,2']);
    expect([...memory].map(String).toSorted()).toEqual(['a,1', 'b,2']);
    await cluster.close();
  });
});
