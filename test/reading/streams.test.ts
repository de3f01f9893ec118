import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MapTable, Operation, TableNode } from '../../src/index.ts';
import { type Cluster, createCluster } from '../support/cluster.ts';
import { readLog } from '../support/read-log.ts';

const durable = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const fleeting = { key: 'string', value: 'count', backend: 'memory' } as const;

type Numbers = MapTable<string, number | bigint>;

const brief = ({ position, table, key, value }: Operation): string =>
  `${position} ${table} ${String(key)} ${String(value)}`;

describe('node.log.operations', () => {
  let cluster: Cluster;
  let node: TableNode;
  let disk: Numbers;
  let memory: Numbers;

  beforeEach(async () => {
    cluster = await createCluster({ size: 1, commitMs: [0, 0] });
    node = cluster.node(0);
    disk = node.table('disk', durable);
    memory = node.table('memory', fleeting);
  });
  afterEach(() => cluster.close());

  const replay = async (): Promise<string[]> => (await cluster.time.until(readLog(node))).map(brief);

  /** A subscriber that meets three writes: two at given promise ticks, one inside a callback. */
  async function seam(ticks: readonly [number, number], callback: number, after: number): Promise<void> {
    const seen: Operation[] = [];
    let written = 0;
    const write = (): void => {
      written++;
      (written % 2 === 0 ? disk : memory).set(`late ${written}`, written);
    };
    const subscription = node.log.operations({ after }).subscribe((operation) => {
      seen.push(operation);
      if (seen.length === callback) write();
    });
    for (let tick = 0; tick < 14; tick++) {
      for (const at of ticks) if (at === tick) write();
      await Promise.resolve();
    }
    await cluster.run(5);
    write();
    await cluster.run(5);
    subscription.unsubscribe();
    const all = await cluster.time.until(readLog(node, { after }));
    expect(seen.map(brief), `writes at ${String(ticks)}, in callback ${callback}`).toEqual(all.map(brief));
  }

  it('replays, then goes on live without gap or duplicate, wherever writes fall', async () => {
    disk.set('early', 1);
    memory.set('early', 2);
    await cluster.run(5);
    disk.set('early', 3);
    for (let first = 0; first < 14; first++) {
      for (let second = first; second < 14; second += 2) {
        for (const callback of [0, 1, 2, 4]) {
          await seam([first, second], callback, Math.max(0, node.log.position - 3));
        }
      }
    }
  });

  it('gives every subscriber the same order when subscribers write', async () => {
    const seen: string[][] = [[], [], [], []];
    for (const [index, list] of seen.entries()) {
      node.log.operations({ after: 0 }).subscribe((operation) => {
        list.push(brief(operation));
        if (index % 2 === 0 && node.log.position < 60) disk.set(`by ${index}`, node.log.position);
      });
    }
    await cluster.run(1);
    const changes: string[][] = [[], []];
    for (const list of changes)
      disk.changes.subscribe(({ key, value, operation }) => {
        list.push(`${operation.position} ${key} ${String(value)}`);
        if (operation.position < 60) memory.set('from a change', operation.position);
      });
    disk.set('start', 1);
    memory.set('start', 2);
    await cluster.run(10);
    const all = await replay();
    expect(all.length).toBeGreaterThan(30);
    for (const list of seen) expect(list).toEqual(all);
    const ofDisk = all.filter((line) => line.includes(' disk ')).map((line) => line.replace(' disk', ''));
    for (const list of changes) expect(list).toEqual(ofDisk);
  });

  // INV-8
  it('tells of a write made inside a subscriber after the change that caused it', () => {
    const seen: unknown[] = [];
    disk.changes.subscribe(({ key, value }) => {
      if (value === 1) disk.set(`${key}'`, 2);
    });
    disk.changes.subscribe(({ key }) => seen.push(key));
    disk.set('a', 1);
    expect(seen).toEqual(['a', "a'"]);
    expect(disk.get("a'")).toBe(2);
  });

  it('lets a subscriber bring back a row while others are cleared, and loses nothing', async () => {
    disk.set('a', 1).set('b', 2).set('c', 3);
    const seen: string[] = [];
    disk.changes.subscribe(({ kind, key }) => {
      if (kind === 'cleared') disk.set(key === 'a' ? 'c' : key, 9);
    });
    disk.changes.subscribe(({ kind, key }) => seen.push(`${kind} ${key}`));
    disk.clear();
    expect(seen).toEqual(['cleared a', 'cleared b', 'cleared c', 'new c', 'new b', 'changed c']);
    expect([...disk]).toEqual([
      ['c', 9],
      ['b', 9],
    ]);
    const replayed = await cluster.time.until(node.log.stateAt({ table: 'disk' }));
    expect([...replayed]).toEqual([...disk]);
  });

  it('ends at `until`, whether that is reached by replay or live', async () => {
    disk.set('a', 1);
    memory.set('b', 2);
    const read = async (until: number): Promise<string[]> =>
      (await cluster.time.until(readLog(node, { until }))).map(brief);
    expect(await read(1)).toEqual(['1 disk a 1']);
    expect(await read(0)).toEqual([]);
    const later = read(4);
    disk.set('c', 3);
    memory.set('d', 4);
    disk.set('e', 5);
    expect(await later).toEqual(['1 disk a 1', '2 memory b 2', '3 disk c 3', '4 memory d 4']);
  });

  it('does not end before `until` was told, wherever it is written', async () => {
    disk.set('a', 1);
    await cluster.run(5);
    for (let tick = 0; tick < 14; tick++) {
      const until = node.log.position + 2;
      const reading = readLog(node, { after: until - 2, until });
      for (let passed = 0; passed < tick; passed++) await Promise.resolve();
      memory.set('b', tick);
      disk.set('c', tick);
      const read = await cluster.time.until(reading);
      expect(
        read.map(({ position }) => position),
        `written at tick ${tick}`,
      ).toEqual([until - 1, until]);
    }
  });

  it('keeps to one table when asked', async () => {
    disk.set('a', 1);
    memory.set('b', 2);
    const seen: string[] = [];
    node.log.operations({ table: 'disk' }).subscribe((operation) => seen.push(brief(operation)));
    await cluster.run(1);
    memory.set('c', 3);
    disk.set('d', 4);
    expect(seen).toEqual(['1 disk a 1', '4 disk d 4']);
  });

  it('refuses what is no range of positions', async () => {
    for (const range of [{ after: -1 }, { after: 0.5 }, { after: 5, until: 4 }, { until: Number.NaN }]) {
      await expect(cluster.time.until(readLog(node, range))).rejects.toMatchObject({
        code: 'OPTION_INVALID',
      });
    }
  });

  it('completes when the node closes, and so do the streams of the tables', async () => {
    const ended: string[] = [];
    node.log.operations().subscribe({ complete: () => ended.push('operations') });
    disk.changes.subscribe({ complete: () => ended.push('changes') });
    disk.conflicts.subscribe({ complete: () => ended.push('conflicts') });
    node.events.subscribe({ complete: () => ended.push('events') });
    node.peers.subscribe({ complete: () => ended.push('peers') });
    disk.synced.subscribe({ complete: () => ended.push('synced') });
    await cluster.run(5);
    await cluster.stop(0);
    expect(ended.toSorted()).toEqual(['changes', 'conflicts', 'events', 'operations', 'peers', 'synced']);
  });

  it('survives a subscriber that throws: the others and the table go on', async () => {
    const uncaught: unknown[] = [];
    const listeners = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const thrown = new Promise<void>((resolve) => {
      process.on('uncaughtException', (error) => {
        uncaught.push(error);
        // Each of the two throws in a timer of its own: one that came later would be nobody's.
        if (uncaught.length === 2) resolve();
      });
    });
    const seen: unknown[] = [];
    disk.changes.subscribe(() => {
      throw new Error('a bad subscriber');
    });
    disk.changes.subscribe(({ key }) => seen.push(key));
    try {
      disk.set('a', 1);
      disk.set('b', 2);
      await cluster.run(2);
      await thrown;
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener as (error: Error) => void);
    }
    expect(seen).toEqual(['a', 'b']);
    expect([...disk]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect(uncaught).toEqual([new Error('a bad subscriber'), new Error('a bad subscriber')]);
  });
});
