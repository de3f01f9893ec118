import { describe, expect, it } from 'vitest';
import type { Conflict } from '../../src/index.ts';
import type { Cluster } from '../support/cluster.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { headsOf, officialRows, officialValues } from './documents.ts';
import { type StormTable, sorted } from './storm.ts';

const clusterOf = clustersOfATest();
const counters = { key: 'string', value: 'count', mode: 'automerge' } as const;

interface Nodes {
  readonly cluster: Cluster;
  readonly tables: StormTable[];
}

/** A node for each default, which have not heard of each other. */
async function apart(defaults: readonly number[], kind: object = counters): Promise<Nodes> {
  const cluster = await clusterOf({ size: defaults.length });
  const tables = defaults.map((value, index) => declared(cluster, index, { ...kind, default: value }));
  await cluster.run(1000);
  cut(cluster, true);
  return { cluster, tables };
}

function declared(cluster: Cluster, index: number, kind: object): StormTable {
  return cluster.node(index).table('t', { ...counters, ...kind });
}

function cut(cluster: Cluster, isCut: boolean): void {
  for (const { index: one } of cluster.members)
    for (const { index: other } of cluster.members) if (one < other) cluster.setCut(one, other, isCut);
}

async function together(cluster: Cluster): Promise<void> {
  cut(cluster, false);
  await cluster.run(30_000);
}

function agree(tables: readonly StormTable[]): void {
  for (const table of tables) {
    expect(sorted(table)).toEqual(sorted(tables[0] as StormTable));
    expect(headsOf(table)).toBe(headsOf(tables[0]));
    expect(officialRows(table)).toEqual(sorted(table));
  }
}

describe('counters of nodes that declare different defaults', () => {
  it('count what each of them added, from the default that stands', async () => {
    const { cluster, tables } = await apart([100, 0]);
    const conflicts: Conflict[] = [];
    for (const table of tables) table.conflicts.subscribe((conflict) => conflicts.push(conflict));
    expect(tables.map((table) => table.increment('k'))).toEqual([101, 1]);
    await together(cluster);
    expect(tables.map((table) => table.get('k'))).toEqual([102, 102]);
    expect(tables.map((table) => table.conflictsOf('k').map(({ value }) => value))).toEqual([[102], [102]]);
    expect(conflicts).toEqual([]);
    // Who has seen both adds to both, and it counts once.
    for (const table of tables) table.increment('k', 10);
    await cluster.run(1000);
    expect(tables.map((table) => table.get('k'))).toEqual([122, 122]);
    agree(tables);
    expect(officialValues(tables[0] as StormTable, 'k')).toEqual(['122']);
  });

  it('go as one when somebody who saw them writes, and in part when he saw a part', async () => {
    const { cluster, tables } = await apart([100, 0, 50]);
    const [one, two, three] = tables as [StormTable, StormTable, StormTable];
    for (const table of tables) for (const key of ['gone', 'left']) table.increment(key);
    cluster.setCut(0, 1, false);
    await cluster.run(30_000);
    expect(one.get('gone')).toBe(102);
    one.delete('gone');
    two.delete('left');
    await together(cluster);
    // What the third had added nobody had seen who removed.
    for (const table of [one, two, three])
      expect(sorted(table)).toEqual([
        ['gone', 51],
        ['left', 51],
      ]);
    three.set('gone', 7);
    await cluster.run(1000);
    expect(one.get('gone')).toBe(7);
    agree(tables);
  });

  it('are the same after a restart, and for who comes late with a default of his own', async () => {
    const durable = { ...counters, backend: 'sqlite' };
    const cluster = await clusterOf({ size: 3, checkpointAfter: 1 });
    await cluster.stop(2);
    const tables = [100, 0].map((value, index) => declared(cluster, index, { ...durable, default: value }));
    cluster.setCut(0, 1, true);
    for (const [index, table] of tables.entries())
      for (let round = 0; round < 700; round++) {
        table.increment(`k${round % 7}`, 1 + index);
        if (round % 50 === 0) await cluster.run(10);
      }
    await together(cluster);
    const right = Array.from({ length: 7 }, (_, key) => [`k${key}`, 100 + 100 + 200]);
    await cluster.stop(0);
    await cluster.start(0, (node) => {
      tables[0] = node.table('t', { ...durable, default: 3 } as typeof counters);
      expect(sorted(tables[0])).toEqual(right);
      expect([tables[0].get('absent'), tables[0].increment('fresh')]).toEqual([3, 4]);
    });
    tables[1]?.increment('fresh');
    await cluster.start(2, (node) => void node.table('t', { ...durable, default: 50 } as typeof counters));
    await cluster.run(20_000);
    tables.push(declared(cluster, 2, { ...durable, default: 50 }));
    for (const table of tables) expect(sorted(table)).toEqual([['fresh', 5], ...right]);
    for (const table of tables) table.increment('k0');
    await cluster.run(1000);
    expect(tables.map((table) => table.get('k0'))).toEqual([403, 403, 403]);
    agree(tables);
  });

  it('are carried as they show through a switch of mode, with what was added without knowing of it', async () => {
    const { cluster, tables } = await apart([100, 0]);
    for (const table of tables) table.increment('k');
    await together(cluster);
    cut(cluster, true);
    tables[1]?.increment('k', 5);
    await cluster.time.until(tables[0]!.switchMode('automerge'));
    await together(cluster);
    expect(tables.map((table) => table.get('k'))).toEqual([107, 107]);
    agree(tables);
  });

  it('end alike, and read alike by the official library, whoever writes what when', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new SeededRandom(seed);
      const { cluster, tables } = await apart([0, 100, 7]);
      for (let step = 0; step < 60; step++) {
        const table = random.pick(tables);
        const key = random.pick(['a', 'b', 'c']);
        const dice = random.next();
        if (dice < 0.6) table.increment(key, random.between(1, 5));
        else if (dice < 0.7) table.delete(key);
        else if (dice < 0.75) table.set(key, random.between(0, 9));
        else if (dice < 0.78) table.clear();
        else if (dice < 0.9) cluster.setCut(random.between(0, 1), 2, random.chance(0.5));
        else await cluster.run(random.between(0, 2000));
      }
      await together(cluster);
      agree(tables);
      await cluster.close();
    }
  });

  it('count every addition once, when nothing is removed', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new SeededRandom(seed);
      const { cluster, tables } = await apart([0, 100, 7]);
      const sums = new Map<string, number>();
      const starts = new Map<string, number>();
      for (let step = 0; step < 60; step++) {
        const index = random.between(0, 2);
        const key = random.pick(['a', 'b', 'c']);
        const by = random.between(1, 5);
        if (random.chance(0.3)) cluster.setCut(random.between(0, 1), 2, random.chance(0.5));
        if (random.chance(0.2)) await cluster.run(random.between(0, 2000));
        const table = tables[index] as StormTable;
        if (!table.has(key)) starts.set(key, Math.max(starts.get(key) ?? 0, [0, 100, 7][index] as number));
        table.increment(key, by);
        sums.set(key, (sums.get(key) ?? 0) + by);
      }
      await together(cluster);
      agree(tables);
      const right = Array.from(sums, ([key, sum]) => [key, sum + (starts.get(key) ?? 0)]);
      expect(sorted(tables[0] as StormTable)).toEqual(
        right.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      );
      await cluster.close();
    }
  });
});
