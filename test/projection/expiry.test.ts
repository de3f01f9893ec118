import { describe, expect, it } from 'vitest';
import type { MapTable } from '../../src/index.ts';
import { type Cluster, createCluster } from '../support/cluster.ts';

const written = { key: 'string', value: 'count', backend: 'sqlite', writeExpire: '10s' } as const;
const created = { key: 'string', backend: 'memory', createExpire: 10_000 } as const;
const HOUR = 3_600_000;

type Numbers = MapTable<string, number | bigint>;

async function pair(
  skews: readonly number[] = [0, 0],
): Promise<{ cluster: Cluster; tables: Numbers[]; gone: string[][] }> {
  const cluster = await createCluster({ size: 2, topology: 'pair' });
  for (const { index, environment } of cluster.members) {
    cluster.member(index).skewMs = skews[index] ?? 0;
    if (environment !== undefined) environment.skewMs = skews[index] ?? 0;
  }
  const tables = cluster.declare('t', written) as Numbers[];
  await cluster.run(1000);
  const gone = tables.map((table) => {
    const list: string[] = [];
    table.changes.subscribe(({ kind, key, operation }) => {
      if (kind === 'expired') list.push(`${key} by ${operation.origin.split('@')[0]}`);
    });
    return list;
  });
  return { cluster, tables, gone };
}

describe('expiry', () => {
  it('lets a row go after its last write, on every node, by one operation of the author', async () => {
    const { cluster, tables, gone } = await pair();
    tables[0]?.set('k', 1);
    await cluster.run(9000);
    tables[0]?.set('k', 2);
    await cluster.run(9500);
    expect(tables.map((table) => table.get('k'))).toEqual([2, 2]);
    await cluster.run(1600);
    expect(tables.map((table) => table.size)).toEqual([0, 0]);
    expect(gone).toEqual([['k by n0'], ['k by n0']]);
    await cluster.run(30_000);
    expect(gone).toEqual([['k by n0'], ['k by n0']]);
    await cluster.close();
  });

  it('counts from the creation of a key when declared so, however often it is written', async () => {
    const cluster = await createCluster({ size: 1 });
    const table = cluster.node(0).table('t', created);
    table.add('k');
    for (let round = 0; round < 9; round++) {
      await cluster.run(1000);
      table.add('k');
    }
    expect(table.has('k')).toBe(true);
    await cluster.run(2000);
    expect(table.has('k')).toBe(false);
    table.add('k');
    await cluster.run(5000);
    expect(table.has('k')).toBe(true);
    await cluster.close();
  });

  it('is done by another node, a little later, when the author is gone', async () => {
    const { cluster, tables, gone } = await pair();
    tables[0]?.set('k', 1);
    await cluster.run(1000);
    cluster.crash(0);
    await cluster.run(10_000);
    expect(tables[1]?.size).toBe(1);
    await cluster.run(6000);
    expect([tables[1]?.size, gone[1]]).toEqual([0, ['k by n1']]);
    await cluster.close();
  });

  it('never takes a newer write for an older deadline, also when the two cross', async () => {
    const { cluster, tables, gone } = await pair();
    tables[0]?.set('k', 1);
    await cluster.run(8000);
    cluster.setCut(0, 1, true);
    tables[1]?.set('k', 2);
    await cluster.run(4000);
    expect(tables.map((table) => table.get('k'))).toEqual([undefined, 2]);
    cluster.setCut(0, 1, false);
    await cluster.run(3000);
    expect(tables.map((table) => table.get('k'))).toEqual([2, 2]);
    expect(gone[1]).toEqual([]);
    await cluster.run(10_000);
    expect(tables.map((table) => table.size)).toEqual([0, 0]);
    await cluster.close();
  });

  it('keeps deadlines over a restart, and does at once what came due meanwhile', async () => {
    const { cluster, tables } = await pair();
    cluster.setCut(0, 1, true);
    tables[0]?.set('early', 1);
    await cluster.run(5000);
    tables[0]?.set('late', 2);
    await cluster.run(100);
    await cluster.stop(0);
    await cluster.run(6000);
    const again = (await cluster.start(0)).table('t', written);
    expect([...again.keys()]).toEqual(['early', 'late']);
    await cluster.run(1500);
    expect([...again.keys()]).toEqual(['late']);
    await cluster.run(5000);
    expect([...again.keys()]).toEqual([]);
    await cluster.close();
  });

  it.each([[[0, HOUR]], [[HOUR, 0]], [[-HOUR, 0]], [[0, -HOUR]]])(
    'under clocks that differ by an hour (%j) ends with equal tables, and a newer write stands',
    async (skews) => {
      const { cluster, tables } = await pair(skews);
      tables[0]?.set('k', 1);
      await cluster.run(500);
      tables[1]?.set('k', 2);
      tables[1]?.set('other', 3);
      await cluster.run(500);
      expect(tables[1]?.get('k')).toBe(2);
      await cluster.run(2 * HOUR);
      expect(tables.map((table) => table.size)).toEqual([0, 0]);
      await cluster.close();
    },
  );

  it('waits while the disk takes no writes, and does not end the process', async () => {
    let full = false;
    const cluster = await createCluster({ size: 1, outcome: () => (full ? 'full' : 'kept') });
    const table = cluster.node(0).table('t', written);
    table.set('k', 1);
    await cluster.run(9000);
    full = true;
    table.set('other', 1);
    await cluster.run(5000);
    expect(table.has('k')).toBe(true);
    full = false;
    await cluster.run(3000);
    expect(table.has('k')).toBe(false);
    await cluster.close();
  });
});
