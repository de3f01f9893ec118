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

async function clusterOf(options: ClusterOptions): Promise<Cluster> {
  const cluster = await createCluster(options);
  open.push(cluster);
  return cluster;
}

function skew(cluster: Cluster, index: number, ms: number): void {
  const member = cluster.member(index);
  member.skewMs = ms;
  if (member.environment !== undefined) member.environment.skewMs = ms;
}

/** Starts a node again under a clock that is wrong from its beginning. */
async function startAgain(cluster: Cluster, index: number, skewMs: number): Promise<void> {
  if (cluster.member(index).node !== undefined) await cluster.stop(index);
  cluster.member(index).skewMs = skewMs;
  await cluster.start(index);
}

function declared(cluster: Cluster, how: How, name = 't'): Numbers[] {
  return cluster.declare(name, { key: 'string', value: 'count', ...how });
}

function rowsOf(table: Numbers): Record<string, number | bigint> {
  return Object.fromEntries([...table.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** What so many nodes hold. */
function everywhere<T>(nodes: number, rows: T): T[] {
  return Array.from({ length: nodes }, () => rows);
}

/** How far the time of a node's latest write of a key lies ahead of the true time. */
async function aheadOf(cluster: Cluster, index: number, table: string, key: string): Promise<number> {
  const log = await cluster.time.until(readLog(cluster.node(index)));
  const written = log.findLast((operation) => operation.table === table && operation.key === key);
  return (written?.time ?? Infinity) - cluster.time.now;
}

describe('the last write seen beats what it saw', () => {
  it.each([10 * MINUTE, 4 * MINUTE, 31 * DAY, -10 * MINUTE])(
    'also what was written in naive before a switch, by a clock that was off by %d ms',
    async (offMs) => {
      const cluster = await clusterOf({ size: 3 });
      await startAgain(cluster, 0, offMs);
      const tables = declared(cluster, { mode: 'naive' });
      const [first, second] = tables as [Numbers, Numbers, Numbers];
      await cluster.run(1000);
      for (const key of ['k', 'del', 'rep']) first.set(key, 1);
      await cluster.run(1000);
      skew(cluster, 0, 0);
      await cluster.time.until(second.switchMode('lww'));
      second.set('k', 2);
      second.delete('del');
      second.increment('rep', 10);
      await cluster.run(5000);
      expect(tables.map(rowsOf)).toEqual(everywhere(3, { k: 2, rep: 11 }));
    },
  );

  it('also a clear, and a write at a node that only heard of the switch, over restarts', async () => {
    const cluster = await clusterOf({ size: 3, checkpointAfter: 8 });
    await startAgain(cluster, 0, 10 * MINUTE);
    const how = { mode: 'naive', backend: 'sqlite' } as const;
    const [ahead, switching] = declared(cluster, how);
    await cluster.run(1000);
    for (let key = 0; key < 20; key++) ahead?.set(`k${key}`, 1);
    await cluster.run(1000);
    skew(cluster, 0, 0);
    await cluster.time.until(switching!.switchMode('lww'));
    await cluster.run(2000);
    for (const { index } of cluster.members) await startAgain(cluster, index, 0);
    const again = declared(cluster, how);
    await cluster.run(5000);
    again[2]?.set('k3', 3);
    await cluster.run(1000);
    again[1]?.clear();
    again[1]?.set('k1', 4);
    await cluster.run(1000);
    again[0]?.set('k1', 5);
    await cluster.run(5000);
    expect(again.map(rowsOf)).toEqual(everywhere(3, { k1: 5 }));
    for (const { index } of cluster.members) await startAgain(cluster, index, 0);
    const last = declared(cluster, how);
    expect(last.map(rowsOf)).toEqual(everywhere(3, { k1: 5 }));
  });

  it('and nodes that learned of a switch in different ways hold the same rows', async () => {
    const cluster = await clusterOf({ size: 4, checkpointAfter: 4, topology: 'both' });
    await startAgain(cluster, 0, 4 * MINUTE);
    const how = { mode: 'naive', backend: 'sqlite' } as const;
    const tables = declared(cluster, how);
    await cluster.run(1000);
    tables[0]?.set('k', 1);
    tables[0]?.set('other', 1);
    await cluster.run(1000);
    // One is away when the mode is switched, one starts again from a checkpoint made after it.
    await cluster.stop(3);
    await cluster.time.until(tables[1]!.switchMode('lww'));
    await cluster.run(2000);
    for (let value = 2; value < 12; value++) tables[2]?.set('k', value);
    await cluster.run(5000);
    await startAgain(cluster, 2, -MINUTE);
    await cluster.start(3);
    const again = declared(cluster, how);
    await cluster.run(3000);
    again[2]?.set('other', 2);
    again[3]?.set('k', 12);
    await cluster.run(5000);
    expect(again.map(rowsOf)).toEqual(everywhere(4, { k: 12, other: 2 }));
  });
});

describe('a clock of one table', () => {
  it.each(['naive', 'lww'] as const)('is not moved by what is written in another (%s)', async (mode) => {
    const cluster = await clusterOf({ size: 2 });
    await startAgain(cluster, 1, 4 * MINUTE);
    const [, there] = declared(cluster, { mode });
    const [here] = declared(cluster, { mode: 'lww' }, 'apart');
    await cluster.run(1000);
    there?.set('k', 1);
    await cluster.run(1000);
    here?.set('mine', 1);
    expect(await aheadOf(cluster, 0, 'apart', 'mine')).toBeLessThanOrEqual(0);
  });

  it('orders nothing in naive, so that nothing moves it there either', async () => {
    const cluster = await clusterOf({ size: 2 });
    await startAgain(cluster, 1, 4 * MINUTE);
    const [here, there] = declared(cluster, { mode: 'naive' });
    await cluster.run(1000);
    there?.set('k', 1);
    await cluster.run(1000);
    here?.set('k', 2);
    expect(await aheadOf(cluster, 0, 't', 'k')).toBeLessThanOrEqual(0);
  });

  it('is not carried away by a row that entered from before a switch', async () => {
    const cluster = await clusterOf({ size: 3 });
    await startAgain(cluster, 0, 100 * 365 * DAY);
    const tables = declared(cluster, { mode: 'naive' });
    await cluster.run(1000);
    tables[0]?.set('k', 1);
    await cluster.run(1000);
    await cluster.stop(0);
    await cluster.time.until(tables[1]!.switchMode('lww'));
    await cluster.run(2000);
    expect(tables.slice(1).map(rowsOf)).toEqual(everywhere(2, { k: 1 }));
    tables[2]?.set('k', 2);
    await cluster.run(1000);
    expect(await aheadOf(cluster, 1, 't', 'k')).toBeLessThanOrEqual(0);
    // What comes from behind the switch moves it as little, whichever of the two comes first.
    await startAgain(cluster, 0, 100 * 365 * DAY);
    const [late] = declared(cluster, { mode: 'naive' });
    late?.set('other', 1);
    await cluster.run(5000);
    tables[1]?.set('k', 3);
    await cluster.run(1000);
    expect(await aheadOf(cluster, 1, 't', 'k')).toBeLessThanOrEqual(0);
    expect(tables.slice(1).map((table) => table.get('k'))).toEqual([3, 3]);
  });
});

describe('a clock that jumps while its node runs', () => {
  it('does not reach the stamps that order writes, and is told of once', async () => {
    const cluster = await clusterOf({ size: 2 });
    const tables = declared(cluster, { mode: 'lww' });
    await cluster.run(1000);
    skew(cluster, 0, 31 * DAY);
    tables[0]?.set('k', 1);
    await cluster.run(10 * MINUTE);
    tables[0]?.set('k', 2);
    await cluster.run(1000);
    expect(tables.map(rowsOf)).toEqual([{ k: 2 }, { k: 2 }]);
    skew(cluster, 0, 0);
    tables[0]?.set('k', 3);
    await cluster.run(1000);
    expect(await aheadOf(cluster, 1, 't', 'k')).toBeLessThanOrEqual(0);
    expect(tables.map(rowsOf)).toEqual([{ k: 3 }, { k: 3 }]);
    const told = cluster.member(0).events.filter(({ code }) => code === 'clock-jumped');
    expect(told.map(({ severity, details }) => [severity, details?.['seconds']])).toEqual([
      ['warning', 31 * 24 * 3600],
    ]);
  });

  it('is followed when it stands for an hour, when it goes back, and when it comes back', async () => {
    const cluster = await clusterOf({ size: 1 });
    const [table] = declared(cluster, { mode: 'lww' });
    const ahead = async (): Promise<number> => {
      table?.set('k', 1);
      await cluster.run(1000);
      return Math.ceil((await aheadOf(cluster, 0, 't', 'k')) / MINUTE) + 0;
    };
    skew(cluster, 0, 30 * MINUTE);
    expect(await ahead()).toBe(0);
    await cluster.run(61 * MINUTE);
    expect(await ahead()).toBe(30);
    await cluster.close();
    const [other] = [await clusterOf({ size: 1 })];
    const [second] = declared(other, { mode: 'naive' });
    for (const minutes of [-60, 0, 0.5]) {
      skew(other, 0, minutes * MINUTE);
      second?.set('k', 1);
      await other.run(1000);
    }
    expect(other.member(0).events.map(({ code }) => code)).not.toContain('clock-jumped');
  });
});
