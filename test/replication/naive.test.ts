import { describe, expect, it } from 'vitest';
import type { Conflict, MapTable } from '../../src/index.ts';
import { createCluster } from '../support/cluster.ts';

const declaration = { key: 'string', value: 'count', backend: 'memory' } as const;

type Numbers = MapTable<string, number | bigint>;

function brief({ key, kept, lost, operation }: Conflict<string, unknown>): unknown[] {
  return [key, kept.value, lost.value, operation.kind, kept.origin === operation.origin];
}

/** Two nodes that have met, and what each reports. */
async function pair() {
  const cluster = await createCluster({ size: 2, topology: 'pair' });
  const [one, other] = cluster.declare('t', declaration) as [Numbers, Numbers];
  await cluster.run(1000);
  const reports: unknown[][][] = [[], []];
  one.conflicts.subscribe((conflict) => reports[0]?.push(brief(conflict)));
  other.conflicts.subscribe((conflict) => reports[1]?.push(brief(conflict)));
  return { cluster, one, other, reports };
}

describe('naive mode between two nodes', () => {
  it('lets two writers of one key exchange values, tells both, and the next write heals it', async () => {
    const { cluster, one, other, reports } = await pair();
    one.set('k', 1);
    other.set('k', 2);
    await cluster.run(50);
    expect([one.get('k'), other.get('k')]).toEqual([2, 1]);
    expect(reports).toEqual([[['k', 2, 1, 'set', true]], [['k', 1, 2, 'set', true]]]);
    one.set('k', 3);
    await cluster.run(50);
    expect([one.get('k'), other.get('k')]).toEqual([3, 3]);
    expect(reports.flat().length).toBe(2);
    await cluster.close();
  });

  it('reports nothing when the author had seen the row, nor for its own', async () => {
    const { cluster, one, other, reports } = await pair();
    for (let round = 0; round < 5; round++) {
      one.set('k', round);
      await cluster.run(10);
      other.set('k', round * 10);
      await cluster.run(10);
      other.delete('k');
      other.set('k', 7);
      await cluster.run(10);
    }
    expect(reports).toEqual([[], []]);
    await cluster.close();
  });

  it('reports a removal that meets a row it had not seen, and a row that meets an unseen removal', async () => {
    const { cluster, one, other, reports } = await pair();
    one.set('k', 1);
    await cluster.run(50);
    one.delete('k');
    other.set('k', 2);
    await cluster.run(50);
    expect([one.get('k'), other.get('k')]).toEqual([2, undefined]);
    expect(reports).toEqual([[['k', 2, undefined, 'set', true]], [['k', undefined, 2, 'delete', true]]]);
    await cluster.close();
  });

  it.each([
    ['delete', 'k'],
    ['clear', 'k'],
    ['clear', 'new'],
  ] as const)(
    'reports a row that meets an unseen removal also behind a removal of its author (%s, then %s)',
    async (kind, key) => {
      const { cluster, one, other, reports } = await pair();
      one.set('k', 1);
      await cluster.run(50);
      for (const table of [one, other]) table[kind]('k');
      other.set(key, 2);
      await cluster.run(50);
      expect([one.get(key), other.get(key)]).toEqual([2, undefined]);
      expect(reports).toEqual([[[key, 2, undefined, 'set', true]], [[key, undefined, 2, kind, true]]]);
      // A removal by somebody who had seen all of that is one like any other again.
      one.delete(key);
      other.set(key, 3);
      await cluster.run(50);
      expect(reports.map(({ length }) => length)).toEqual([2, 2]);
      await cluster.close();
    },
  );

  it('reports every row that a clear takes without having seen it, and only those', async () => {
    const { cluster, one, other, reports } = await pair();
    one.set('seen', 1);
    await cluster.run(50);
    one.clear();
    other.set('a', 1).set('b', 2);
    await cluster.run(50);
    expect([...other]).toEqual([]);
    expect([...one]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect(reports[1]).toEqual([
      ['a', undefined, 1, 'clear', true],
      ['b', undefined, 2, 'clear', true],
    ]);
    expect(reports[0]?.map(([key]) => key)).toEqual(['a', 'b']);
    await cluster.close();
  });

  it('counts what an author had seen from third nodes as well', async () => {
    const cluster = await createCluster({ size: 3, topology: 'chain' });
    const tables = cluster.declare('t', declaration) as Numbers[];
    await cluster.run(2000);
    const reports: string[] = [];
    for (const table of tables) table.conflicts.subscribe(({ key }) => reports.push(key));
    tables[0]?.set('k', 1);
    await cluster.run(50);
    tables[2]?.set('k', 2);
    await cluster.run(50);
    tables[1]?.set('k', 3);
    await cluster.run(50);
    expect(reports).toEqual([]);
    tables[0]?.set('far', 1);
    tables[2]?.set('far', 2);
    await cluster.run(50);
    expect(reports).toEqual(['far', 'far', 'far']);
    expect(tables.map((table) => table.get('k'))).toEqual([3, 3, 3]);
    await cluster.close();
  });

  it('shows a batch to the subscribers of a receiver only when all of it is there', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair', delayMs: [0, 30] });
    const [one, other] = cluster.declare('t', declaration) as [Numbers, Numbers];
    const [, second] = cluster.declare('second', declaration) as [Numbers, Numbers];
    const sizes: unknown[] = [];
    other.changes.subscribe(() => sizes.push([other.size, second.size]));
    second.changes.subscribe(() => sizes.push([other.size, second.size]));
    cluster.node(0).batch(() => {
      for (let index = 0; index < 3000; index++) {
        one.set(`${index}`, index);
        cluster.node(0).table('second', declaration).set(`${index}`, index);
      }
    });
    await cluster.run(3000);
    expect(sizes.length).toBe(6000);
    expect(new Set(sizes.map(String))).toEqual(new Set(['3000,3000']));
    await cluster.close();
  });

  it('never applies an operation twice, nor its own echo', async () => {
    const { cluster, one, other } = await pair();
    const counts = new Map<string, number>();
    for (const table of [one, other])
      table.changes.subscribe(({ operation: { origin, sequence } }) => {
        const name = `${table === one} ${origin} ${sequence}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      });
    for (let round = 0; round < 20; round++) {
      one.set('a', round);
      other.set('b', round);
      await cluster.run(round % 4);
      if (round % 5 === 0) cluster.reset(0, 1);
    }
    await cluster.run(30_000);
    expect(counts.size).toBe(80);
    expect([...counts.values()].every((count) => count === 1)).toBe(true);
    await cluster.close();
  });
});
