import { describe, expect, it } from 'vitest';
import type { TableNode } from '../../src/index.ts';
import type { Cluster } from '../support/cluster.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';
import { readLog } from '../support/read-log.ts';
import { officialRows } from './documents.ts';
import { type Kind, RunsUnderTest } from './open-runs.ts';
import { type StormTable, sorted } from './storm.ts';

const clusterOf = clustersOfATest();

const kinds = (['naive', 'lww', 'automerge'] as const).flatMap((mode) =>
  (['memory', 'sqlite'] as const).map((backend): Kind => ({ mode, backend })),
);

describe('runs of one author, against a plain Map', () => {
  it.each(kinds)('leave the rows it says, here, there, reopened and at every position: %o', async (kind) => {
    for (let seed = 1; seed <= 12; seed++)
      expect({ seed, wrong: await (await RunsUnderTest.begin(seed, kind)).run() }).toEqual({
        seed,
        wrong: [],
      });
  });
});

describe('what begins while a run is open', () => {
  const declaration = { key: 'string', value: 'count', mode: 'automerge', backend: 'sqlite' } as const;
  const fails = (node: TableNode, write: () => void): void =>
    expect(() =>
      node.batch(() => {
        write();
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');

  it('a batch that throws takes nothing back that was written before it', async () => {
    const cluster = await clusterOf({ size: 2 });
    const [one, two] = cluster.declare('t', declaration);
    await cluster.run(1000);
    one!.set('x', 1);
    await cluster.run(1000);
    one!.set('y', 2);
    fails(cluster.node(0), () => one!.set('x', 99));
    one!.set('w', 3);
    one!.increment('y', 5);
    await cluster.run(1000);
    const right = [
      ['x', 1],
      ['y', 7],
      ['w', 3],
    ];
    expect([[...one!], [...two!]]).toEqual([right, right]);
    expect(officialRows(one!)).toEqual(sorted(one!));
    await cluster.stop(0);
    await cluster.start(0, (node) => expect([...node.table('t', declaration)]).toEqual(right));
  });

  /** A counter whose document is below what its row shows, so that closing a run changes what is shown. */
  async function belowZero(): Promise<{ cluster: Cluster; one: StormTable; two: StormTable }> {
    const cluster = await clusterOf({ size: 2 });
    const [one, two] = cluster.declare('t', declaration);
    one!.set('k', 3);
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    one!.increment('k', -3);
    two!.increment('k', -3);
    cluster.setCut(0, 1, false);
    await cluster.run(30_000);
    return { cluster, one: one!, two: two! };
  }

  it('a subscriber that answers what closing a run changed writes into the next run', async () => {
    const { cluster, one, two } = await belowZero();
    const told: unknown[] = [];
    one.changes.subscribe(({ kind, key, previous, value }) => {
      told.push([kind, key, previous, value]);
      if (value === 2) one.set('answer', 7);
    });
    one.increment('k', 5);
    await cluster.run(1000);
    expect(told).toEqual([
      ['changed', 'k', 0, 5],
      ['changed', 'k', 5, 2],
      ['new', 'answer', undefined, 7],
    ]);
    for (const table of [one, two])
      expect(sorted(table)).toEqual([
        ['answer', 7],
        ['k', 2],
      ]);
    expect((await cluster.time.until(readLog(cluster.node(0)))).at(-1)).toMatchObject({ key: 'answer' });
  });

  it('what a subscriber answers while a batch closes the run before it is not of the batch', async () => {
    const { cluster, one, two } = await belowZero();
    one.changes.subscribe(({ value }) => value === 2 && one.set('answer', 7));
    one.increment('k', 5);
    fails(cluster.node(0), () => one.clear());
    await cluster.run(1000);
    for (const table of [one, two])
      expect(sorted(table)).toEqual([
        ['answer', 7],
        ['k', 2],
      ]);
  });

  it('what a subscriber answers while a switch closes the run before it is written behind the switch', async () => {
    const { cluster, one, two } = await belowZero();
    one.changes.subscribe(({ value }) => value === 2 && one.set('answer', 7));
    one.increment('k', 5);
    await cluster.time.until(one.switchMode('automerge'));
    await cluster.run(5000);
    const logged = (await cluster.time.until(readLog(cluster.node(0)))).map(({ kind }) => kind);
    expect(logged.slice(-2)).toEqual(['switch', 'set']);
    for (const table of [one, two])
      expect(sorted(table)).toEqual([
        ['answer', 7],
        ['k', 2],
      ]);
  });

  it('a counter from before a switch that is removed and counted again in one run begins anew', async () => {
    const cluster = await clusterOf({ size: 2 });
    const [one, two] = cluster.declare('t', { ...declaration, mode: 'naive' });
    one!.set('x', 37);
    await cluster.run(1000);
    await cluster.time.until(one!.switchMode('automerge'));
    await cluster.run(5000);
    two!.delete('x');
    two!.increment('x', 8);
    await cluster.run(1000);
    expect([one!.get('x'), two!.get('x')]).toEqual([8, 8]);
  });

  it('what a switch passed over is written again although its table is declared in a batch that throws', async () => {
    const cluster = await clusterOf({ size: 2, commitMs: [200, 200], checkpointAfter: 1 });
    const durable = { key: 'string', value: 'count', backend: 'sqlite' } as const;
    const [one, two] = cluster.declare('t', durable);
    for (let index = 0; index < 20; index++) two!.set(`k${index}`, index);
    await cluster.run(5000);
    const switched = one!.switchMode('lww');
    await cluster.run(150);
    two!.set('late', 1);
    await cluster.stop(1);
    await cluster.time.until(switched);
    await cluster.start(1, (node) => fails(node, () => void node.table('t', durable).set('gone', 1)));
    await cluster.run(20_000);
    for (const { up } of cluster.members) {
      const table = up.table('t', durable);
      expect([table.mode, table.size, table.get('late'), table.get('gone')]).toEqual([
        'lww',
        21,
        1,
        undefined,
      ]);
    }
  });
});
