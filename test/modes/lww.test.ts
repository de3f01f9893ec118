import { describe, expect, it } from 'vitest';
import type { Conflict } from '../../src/index.ts';
import { lwwMode } from '../../src/modes/lww.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';
import { readLog } from '../support/read-log.ts';
import { expectEqualRows, stormAtRest } from './storm.ts';

const declaration = { key: 'string', value: 'count', mode: 'lww' } as const;
const clusterOf = clustersOfATest();

describe('last writer wins', () => {
  // INV-9
  it('orders any two versions one way, and the same way from both sides', () => {
    const versions = [1, 2].flatMap((stamp) =>
      ['a@1', 'b@1'].flatMap((origin) => [1, 2].map((sequence) => ({ stamp, origin, sequence }))),
    );
    for (const one of versions) {
      for (const other of versions) {
        const wins = [lwwMode.supersedes(one, other), lwwMode.supersedes(other, one)];
        expect(wins.filter(Boolean)).toHaveLength(one === other ? 0 : 1);
      }
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8].map((block) => block * 1000))(
    'leaves all nodes with equal rows, whatever was delivered when (seeds from %i)',
    async (first) => {
      for (let seed = first; seed < first + 5; seed++) {
        const storm = await stormAtRest('lww', seed);
        await expectEqualRows(storm, seed);
        await storm.cluster.close();
      }
    },
  );

  it('lets a clear win over an older write that arrives after it', async () => {
    const cluster = await clusterOf({ size: 3, topology: 'chain' });
    const [one, two, three] = cluster.declare('t', declaration);
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    one!.set('early', 1);
    await cluster.run(50);
    three!.clear();
    await cluster.run(1000);
    three!.set('late', 2);
    cluster.setCut(0, 1, false);
    await cluster.run(60_000);
    for (const table of [one, two, three]) expect([...table!]).toEqual([['late', 2]]);
  });

  it('keeps a removal over an older write of a node that was away', async () => {
    const cluster = await clusterOf({ size: 2 });
    const [one, two] = cluster.declare('t', declaration);
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    one!.set('k', 1);
    await cluster.run(50);
    two!.delete('k');
    cluster.setCut(0, 1, false);
    await cluster.run(60_000);
    expect([one!.has('k'), two!.has('k')]).toEqual([false, false]);
  });

  it('keeps an expired write away when its expiry arrives before it', async () => {
    const cluster = await clusterOf({ size: 3 });
    const [one, two, three] = cluster.declare('t', { ...declaration, writeExpire: 500 });
    await cluster.run(1000);
    // The author's clock is late, so the second node lets the row go, before the third has got it.
    cluster.member(0).environment!.skewMs = -60_000;
    cluster.route(0, 2).delayMs = [8000, 8000];
    const seen: string[] = [];
    three!.changes.subscribe(({ kind }) => seen.push(kind));
    one!.set('k', 1);
    await cluster.run(5000);
    expect(two!.has('k')).toBe(false);
    await cluster.run(3500);
    const log = await cluster.time.until(readLog(cluster.node(2)));
    expect(log.map(({ kind }) => kind)).toEqual(['expire', 'set']);
    expect([seen, three!.has('k')]).toEqual([[], false]);
    three!.set('k', 2);
    await cluster.run(100);
    expect([two!.get('k'), three!.get('k')]).toEqual([2, 2]);
  });

  it('reports the loser of a concurrent write on both nodes, with what stands', async () => {
    const cluster = await clusterOf({ size: 2 });
    const [one, two] = cluster.declare('t', declaration);
    await cluster.run(1000);
    const seen: Conflict<string, number | bigint>[][] = [[], []];
    one!.conflicts.subscribe((conflict) => seen[0]!.push(conflict));
    two!.conflicts.subscribe((conflict) => seen[1]!.push(conflict));
    one!.set('k', 1);
    await cluster.time.run(0.5);
    two!.set('k', 2);
    one!.set('quiet', 1);
    await cluster.run(1000);
    const sides = seen.map((list) => list.map(({ key, kept, lost }) => [key, kept.value, lost.value]));
    expect(sides[0]).toEqual(sides[1]);
    expect(sides[0]).toHaveLength(1);
    const [key, kept, lost] = sides[0]![0]!;
    expect(key).toBe('k');
    expect(new Set([kept, lost])).toEqual(new Set([1, 2]));
    expect([one!.get('k'), two!.get('k')]).toEqual([kept, kept]);
  });

  it('holds back what is dated more than five minutes ahead, and takes it later', async () => {
    const cluster = await clusterOf({ size: 2, topology: 'pair' });
    await cluster.stop(1);
    cluster.member(1).skewMs = 400_000;
    await cluster.start(1);
    const [one, two] = cluster.declare('t', declaration);
    await cluster.run(1000);
    two!.set('k', 1);
    await cluster.run(5000);
    expect(one!.has('k')).toBe(false);
    const refusal = cluster.member(0).events.find(({ code }) => code === 'operations-refused');
    expect(refusal?.details).toMatchObject({ code: 'CLOCK_AHEAD' });
    expect(refusal?.message).toMatch(/more than 5 minutes ahead/);
    await cluster.run(150_000);
    expect(one!.get('k')).toBe(1);
  });

  it('does not follow the clock of a naive table that is far ahead', async () => {
    const cluster = await clusterOf({ size: 2, topology: 'pair' });
    const [one, two] = cluster.declare('t', { ...declaration, mode: 'naive' });
    await cluster.run(1000);
    cluster.member(1).environment!.skewMs = 3_600_000;
    two!.set('k', 1);
    await cluster.run(1000);
    one!.set('mine', 1);
    const log = await cluster.time.until(readLog(cluster.node(0)));
    const mine = log.find(({ key }) => key === 'mine');
    expect(mine!.time - cluster.time.now).toBeLessThan(1000);
    expect(one!.get('k')).toBe(1);
  });
});
