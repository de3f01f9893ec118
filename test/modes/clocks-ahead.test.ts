import { afterEach, describe, expect, it } from 'vitest';
import type { MapTable, TableDeclaration } from '../../src/index.ts';
import { type Cluster, type ClusterOptions, createCluster } from '../support/cluster.ts';
import { readLog } from '../support/read-log.ts';

type Numbers = MapTable<string, number | bigint>;
type How = Pick<TableDeclaration, 'mode' | 'backend'>;

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const open: Cluster[] = [];

afterEach(async () => {
  for (const cluster of open.splice(0)) await cluster.close();
});

/** A cluster whose nodes began under clocks that are off by so much. */
async function clusterOf(skews: readonly number[], topology: ClusterOptions['topology']): Promise<Cluster> {
  const cluster = await createCluster({ size: skews.length, topology });
  open.push(cluster);
  for (const [index, skewMs] of skews.entries()) {
    await cluster.stop(index);
    cluster.member(index).skewMs = skewMs;
    await cluster.start(index);
  }
  await cluster.run(100);
  for (const { events } of cluster.members) events.length = 0;
  return cluster;
}

function correct(cluster: Cluster, index: number): void {
  cluster.member(index).skewMs = 0;
  cluster.member(index).environment!.skewMs = 0;
}

function declared(cluster: Cluster, how: How, name = 't'): Numbers[] {
  return cluster.declare(name, { key: 'string', value: 'count', ...how });
}

function refusals(cluster: Cluster): string[] {
  return cluster.members.flatMap(({ id, events }) =>
    events
      .filter(({ code }) => ['operations-refused', 'frame-refused', 'peer-lost'].includes(code))
      .map(({ code, peer }) => `${id} ${code} ${peer}`),
  );
}

/** Everybody writes now and then for a while; then every node holds what was written last. */
async function writeInTurns(cluster: Cluster, tables: readonly Numbers[]): Promise<void> {
  for (let value = 1; value <= 30; value++) {
    for (const [index, table] of tables.entries()) {
      table.set(`of ${index}`, value);
      table.set('shared', 10 * value + index);
      await cluster.run(40);
    }
  }
  await cluster.run(3000);
}

function rowsOf(table: Numbers): Record<string, number | bigint> {
  return Object.fromEntries([...table.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

describe('an operation dated ahead', () => {
  it.each([
    [5 * MINUTE, true],
    [5 * MINUTE + 2, false],
  ])('enters the cluster when it is at most five minutes (%d ms: %s)', async (aheadMs, enters) => {
    const cluster = await clusterOf([0, aheadMs], 'pair');
    const [one, two] = declared(cluster, { mode: 'lww' }) as [Numbers, Numbers];
    await cluster.run(1000);
    two.set('k', 1);
    await cluster.time.runUntil(() => one.has('k') || refusals(cluster).length > 0, 1000);
    expect(one.has('k')).toBe(enters);
  });

  it.each([
    [0, true],
    [-55 * MINUTE - 500, false],
  ])('is passed on within an hour (a clock off by %d ms: %s)', async (skewMs, isTaken) => {
    const cluster = await clusterOf([5 * MINUTE - 10, 0, skewMs], 'chain');
    const tables = declared(cluster, { mode: 'lww' });
    await cluster.run(1000);
    tables[0]?.set('k', 1);
    await cluster.run(300);
    expect([tables[1]?.has('k'), tables[2]?.has('k')]).toEqual([true, isTaken]);
  });

  it.each(['star', 'mesh'] as const)(
    'that just enters leads to no refusal of honest nodes, whose clocks are slower or faster (%s)',
    async (topology) => {
      const cluster = await clusterOf([0, 5 * MINUTE - 50, -300, 200], topology);
      const tables = declared(cluster, { mode: 'lww' });
      const others = declared(cluster, { mode: 'lww' }, 'other');
      await cluster.run(6000);
      await writeInTurns(cluster, tables);
      const honest = refusals(cluster).filter((line) => !line.endsWith(' n1') && !line.startsWith('n1 '));
      if (topology === 'star') expect(honest).toEqual([]);
      expect(honest.filter((line) => !line.includes('operations-refused'))).toEqual([]);
      await cluster.run(10_000);
      expect(tables.map((table) => rowsOf(table))).toEqual(tables.map(() => rowsOf(tables[0] as Numbers)));
      others[2]?.set('k', 1);
      others[0]?.set('k', 2);
      await cluster.run(1000);
      expect(new Set(others.map((table) => table.get('k'))).size).toBe(1);
    },
  );

  it('lets nobody creep ahead by what was let in of its own', async () => {
    const cluster = await clusterOf([0, 5 * MINUTE - 100], 'pair');
    const [one, two] = declared(cluster, { mode: 'lww' }) as [Numbers, Numbers];
    await cluster.run(1000);
    const { environment } = cluster.member(1);
    for (let step = 1; step <= 200; step++) {
      environment!.skewMs += 10;
      two.set('k', step);
      await cluster.run(1);
    }
    await cluster.run(100);
    expect(Number(one.get('k'))).toBeLessThan(50);
  });

  it('is taken whatever its date where it decides nothing: in naive, and from before a switch', async () => {
    const cluster = await clusterOf([0, 73 * 365 * DAY, 0], 'star');
    const tables = declared(cluster, { mode: 'naive' });
    const others = declared(cluster, { mode: 'lww' }, 'other');
    await cluster.run(1000);
    tables[1]?.set('k', 1);
    await cluster.run(100);
    const switched = tables[2]!.switchMode('lww');
    tables[1]?.set('late', 1);
    await cluster.time.until(switched);
    await cluster.run(3000);
    others[0]?.set('k', 1);
    tables[0]?.set('k', 2);
    await cluster.run(1000);
    tables[2]?.set('k', 3);
    await cluster.run(3000);
    expect(others[2]?.get('k')).toBe(1);
    expect([tables[0]?.get('k'), tables[2]?.get('k')]).toEqual([3, 3]);
    // What the liar writes again under lww is held back, by whoever it brings it to, and by nobody else.
    expect(new Set(refusals(cluster))).toEqual(
      new Set(['n0 operations-refused n1', 'n1 operations-refused n0']),
    );
  });
});

describe('an operation from before a switch', () => {
  it('is taken by nodes that have switched, and passed on, whatever its date', async () => {
    const cluster = await clusterOf([0, 73 * 365 * DAY, 0], 'star');
    const tables = declared(cluster, { mode: 'naive' });
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    tables[1]?.set('late', 1);
    await cluster.time.until(tables[2]!.switchMode('lww'));
    await cluster.run(1000);
    cluster.setCut(0, 1, false);
    await cluster.run(40_000);
    for (const index of [0, 2]) {
      const log = await cluster.time.until(readLog(cluster.node(index)));
      expect(log.map(({ key }) => key)).toContain('late');
    }
  });
});

describe('a table whose times were carried ahead by a clock that was wrong', () => {
  it('keeps everything else, and comes back when its mode is switched and switched back', async () => {
    const cluster = await clusterOf([0, 31 * DAY, 0], 'mesh');
    const tables = declared(cluster, { mode: 'lww' });
    const others = declared(cluster, { mode: 'lww' }, 'other');
    await cluster.run(1000);
    tables[1]?.set('mine', 1);
    await cluster.run(1000);
    correct(cluster, 1);
    tables[1]?.set('since', 2);
    others[1]?.set('k', 1);
    tables[0]?.set('there', 3);
    await cluster.run(3000);
    expect(tables.map(({ size }) => size)).toEqual([1, 3, 1]);
    expect(others.map((table) => table.get('k'))).toEqual([1, 1, 1]);
    for (const mode of ['naive', 'lww'] as const) {
      await cluster.time.until(tables[0]!.switchMode(mode));
      await cluster.run(5000);
    }
    tables[1]?.set('there', 4);
    await cluster.run(3000);
    const all = { mine: 1, since: 2, there: 4 };
    expect(tables.map((table) => rowsOf(table))).toEqual([all, all, all]);
  });
});
