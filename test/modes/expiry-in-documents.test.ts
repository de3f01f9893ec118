import { describe, expect, it } from 'vitest';
import type { MapTable, PlainDeclaration, TableDeclaration } from '../../src/index.ts';
import type { Cluster } from '../support/cluster.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';

const createCluster = clustersOfATest();

function declared(expiry: Partial<PlainDeclaration>): TableDeclaration {
  return {
    key: 'string',
    value: 'string',
    backend: 'sqlite',
    mode: 'automerge',
    ...expiry,
  } as TableDeclaration;
}

const tableOf = (cluster: Cluster, index: number): MapTable<string, string> =>
  cluster.node(index).tables.get('t') as unknown as MapTable<string, string>;

function shown(cluster: Cluster): (string | undefined)[] {
  return cluster.members.map(({ index }) => tableOf(cluster, index).get('key'));
}

/** Three nodes, of which the first two are apart. */
async function apart(expiry: Partial<PlainDeclaration>): Promise<Cluster> {
  const cluster = await createCluster({ size: 3, topology: 'mesh' });
  cluster.declare('t', declared(expiry) as never);
  await cluster.run(1000);
  cluster.setCut(0, 1, true);
  cluster.setCut(0, 2, true);
  cluster.setCut(1, 2, true);
  return cluster;
}

function meet(cluster: Cluster): void {
  cluster.setCut(0, 1, false);
  cluster.setCut(0, 2, false);
  cluster.setCut(1, 2, false);
}

describe.each(['createExpire', 'writeExpire'] as const)('of concurrent values, %s', (kind) => {
  it.each([
    [0, 1],
    [1, 0],
  ] as const)('takes each at its own time (node %i wrote first)', async (first, second) => {
    const cluster = await apart({ [kind]: '5s' });
    tableOf(cluster, first).set('key', 'older');
    await cluster.run(3000);
    tableOf(cluster, second).set('key', 'younger');
    await cluster.run(500);
    meet(cluster);
    await cluster.run(3500);
    expect(shown(cluster)).toEqual(['younger', 'younger', 'younger']);
    await cluster.run(8000);
    expect(shown(cluster)).toEqual([undefined, undefined, undefined]);
  });

  it('is told as what the log says at each position', async () => {
    const cluster = await apart({ [kind]: '5s' });
    const told = cluster.members.map((): [position: number, value: string | undefined][] => []);
    for (const { index } of cluster.members) {
      let before: string | undefined;
      tableOf(cluster, index).changes.subscribe(({ operation, value, previous }) => {
        expect(previous).toBe(before);
        before = value;
        told[index]?.push([operation.position, value]);
      });
    }
    tableOf(cluster, 1).set('key', 'older');
    await cluster.run(3000);
    tableOf(cluster, 0).set('key', 'younger');
    await cluster.run(500);
    meet(cluster);
    await cluster.run(12_000);
    for (const { index } of cluster.members) {
      expect(told[index]?.map(([, value]) => value).slice(-2)).toEqual(['younger', undefined]);
      for (const [position, value] of new Map(told[index])) {
        const { log } = cluster.node(index);
        const state = await cluster.time.until(log.stateAt({ table: 't', position }));
        expect(new Map(state as Map<string, string>).get('key')).toBe(value);
      }
    }
  });
});

describe('with createExpire, a life that began behind a removal', () => {
  const removals = {
    delete: (table: MapTable<string, string>) => table.delete('key'),
    clear: (table: MapTable<string, string>) => table.clear(),
  };

  it.each(['delete', 'clear'] as const)('is not over with the one that a %s missed', async (removal) => {
    const cluster = await createCluster({ size: 2 });
    cluster.declare('t', declared({ createExpire: '20s' }) as never);
    await cluster.run(1000);
    tableOf(cluster, 1).set('key', 'first');
    await cluster.run(4000);
    cluster.setCut(0, 1, true);
    tableOf(cluster, 0).set('key', 'goes on');
    removals[removal](tableOf(cluster, 1));
    await cluster.run(1000);
    tableOf(cluster, 1).set('key', 'begins');
    await cluster.run(10);
    cluster.setCut(0, 1, false);
    // The first life is over at 20 s, and 24 s with its grace.
    await cluster.run(19_700);
    expect(shown(cluster)).toEqual(['begins', 'begins']);
    await cluster.run(6000);
    expect(shown(cluster)).toEqual([undefined, undefined]);
  });
});
