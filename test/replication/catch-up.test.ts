import { describe, expect, it } from 'vitest';
import type { MapTable } from '../../src/index.ts';
import { type Cluster, createCluster } from '../support/cluster.ts';
import { readLog } from '../support/read-log.ts';
import { Traffic } from './traffic.ts';

const sqlite = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const memory = { key: 'string', value: 'count', backend: 'memory' } as const;
const texts = { key: 'string', value: 'string', backend: 'sqlite' } as const;

type Numbers = MapTable<string, number | bigint>;

/** Writes many operations over a few thousand keys, some of them removals, in slices as a program would. */
async function writeMany(cluster: Cluster, table: Numbers, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const key = `key ${(index * 7919) % 5000}`;
    if (index % 17 === 0) table.delete(key);
    else table.set(key, index);
    if (index % 5000 === 0) await cluster.run(1);
  }
}

const sorted = (table: Numbers): string[] => Array.from(table, String).toSorted();

async function becomesEqual(cluster: Cluster, tables: readonly Numbers[], limitMs = 30_000): Promise<void> {
  const deadline = cluster.time.now + limitMs;
  const contents = (): string[] => tables.map((table) => sorted(table).join('\n'));
  while (new Set(contents()).size > 1 && cluster.time.now < deadline) await cluster.run(500);
  const [first = '', ...others] = contents();
  for (const other of others) expect(other === first, 'equal rows').toBe(true);
}

describe('a node that has missed something', () => {
  it('is equal seconds after it was away for 100,000 operations, and gets them once', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair' });
    const [one, other] = cluster.declare('t', sqlite) as [Numbers, Numbers];
    one.set('before', 1);
    await cluster.run(2000);
    cluster.setCut(0, 1, true);
    cluster.reset(0, 1);
    await writeMany(cluster, one, 100_000);
    other.set('alone', 2);
    cluster.setCut(0, 1, false);
    await becomesEqual(cluster, [one, other]);
    expect(other.get('before')).toBe(1);
    expect(one.get('alone')).toBe(2);
    const count = (await cluster.time.until(readLog(cluster.node(1)))).length;
    expect(count).toBe(100_002);
    await cluster.close();
  });

  it('gets a checkpoint when it joins late and that is shorter, with the same rows and origins', async () => {
    const cluster = await createCluster({ size: 3, topology: 'chain' });
    await cluster.stop(2);
    const [one, relay] = cluster.declare('t', sqlite) as [Numbers, Numbers];
    for (let round = 0; round < 30; round++) for (let key = 0; key < 100; key++) one.set(`${key}`, round);
    one.delete('50');
    await cluster.run(3000);
    const traffic = new Traffic(cluster);
    const node = await cluster.start(2);
    const late = node.table('t', sqlite);
    const kinds: string[] = [];
    late.changes.subscribe(({ kind, operation }) => kinds.push(`${kind} ${operation.origin.split('@')[0]}`));
    await becomesEqual(cluster, [one, relay, late]);
    expect(traffic.kinds.get('checkpoint')).toBeGreaterThan(0);
    expect(new Set(kinds)).toEqual(new Set(['new n0']));
    expect(late.size).toBe(99);
    await cluster.run(100);
    one.set('afterwards', 1);
    late.set('from the new one', 2);
    await becomesEqual(cluster, [one, relay, late]);
    const replayed = await cluster.time.until(node.log.stateAt({ table: 't' }));
    expect([...replayed].map(String).toSorted()).toEqual(sorted(late));
    await cluster.stop(2);
    const again = (await cluster.start(2)).table('t', sqlite);
    expect(sorted(again)).toEqual(sorted(one));
    await cluster.close();
  });

  it('keeps what it wrote itself when a checkpoint comes, and others get it', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair' });
    cluster.setCut(0, 1, true);
    const [one, other] = cluster.declare('t', memory) as [Numbers, Numbers];
    for (let round = 0; round < 3000; round++) one.set(`key ${round % 20}`, round);
    one.set('shared', 1);
    other.set('mine', 1).set('shared', 2);
    const conflicts: unknown[] = [];
    other.conflicts.subscribe(({ key, kept, lost }) => conflicts.push([key, kept.value, lost.value]));
    cluster.setCut(0, 1, false);
    await cluster.run(20_000);
    expect(other.get('mine')).toBe(1);
    expect(one.get('mine')).toBe(1);
    expect(conflicts).toEqual([['shared', 1, 2]]);
    expect([one.get('shared'), other.get('shared')]).toEqual([2, 1]);
    await cluster.close();
  });

  it('takes from a checkpoint what is gone and what is new, and keeps what it wrote over a row it had seen', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair', limits: { maxMemoryLogBytes: 2000 } });
    const [one, other] = cluster.declare('t', { ...texts, backend: 'memory' }) as MapTable<string, string>[];
    if (one === undefined || other === undefined) throw new Error('unreachable');
    for (let key = 0; key < 50; key++) one.set(`${key}`, 'old');
    await cluster.run(2000);
    expect(other.size).toBe(50);
    cluster.setCut(0, 1, true);
    cluster.reset(0, 1);
    for (let key = 1; key < 50; key++) one.delete(`${key}`);
    other.set('0', 'newer');
    // More than a node keeps in memory of its log for peers, so that only a checkpoint is left to send.
    for (let round = 0; round < 3000; round++) {
      one.set('new', `${round} `.padEnd(4000, 'x'));
      if (round % 100 === 0) await cluster.run(1);
    }
    const gone: unknown[] = [];
    other.changes.subscribe(({ kind }) => gone.push(kind));
    cluster.setCut(0, 1, false);
    await cluster.run(20_000);
    expect(cluster.member(1).events.map(({ code }) => code)).toContain('checkpoint-adopted');
    expect(Array.from(other, ([key, value]) => [key, value.slice(0, 5)])).toEqual([
      ['0', 'newer'],
      ['new', '2999 '],
    ]);
    expect(one.get('0')).toBe('newer');
    expect(gone.filter((kind) => kind === 'removed').length).toBe(49);
    await cluster.close();
  });

  it('takes from a checkpoint what was removed as well, which beats an older write that comes later', async () => {
    const cluster = await createCluster({ size: 3, topology: 'mesh', limits: { maxMemoryLogBytes: 2000 } });
    const lww = { ...texts, backend: 'memory', mode: 'lww' } as const;
    const tables = cluster.declare('t', lww) as MapTable<string, string>[];
    const [one, late, absent] = tables as [
      MapTable<string, string>,
      MapTable<string, string>,
      MapTable<string, string>,
    ];
    for (const peer of [0, 1]) cluster.setCut(peer, 2, true);
    cluster.setCut(0, 1, true);
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const)
      cluster.reset(a, b);
    absent.set('k', 'older');
    await cluster.run(1000);
    one.set('k', 'seen by nobody else');
    one.delete('k');
    for (let round = 0; round < 3000; round++) {
      one.set('new', `${round} `.padEnd(4000, 'x'));
      if (round % 100 === 0) await cluster.run(1);
    }
    cluster.setCut(0, 1, false);
    await cluster.run(20_000);
    expect(cluster.member(1).events.map(({ code }) => code)).toContain('checkpoint-adopted');
    cluster.setCut(1, 2, false);
    await cluster.run(20_000);
    expect(late.get('new')?.slice(0, 5)).toBe('2999 ');
    for (const table of tables) expect(table.has('k')).toBe(false);
    await cluster.close();
  });

  it('catches up after a restart of the hub, and the hub from the leaves', async () => {
    const cluster = await createCluster({ size: 4, topology: 'star' });
    const tables = cluster.declare('t', sqlite) as Numbers[];
    for (const [index, table] of tables.entries()) table.set(`from ${index}`, index);
    await cluster.run(3000);
    cluster.crash(0);
    for (const [index, table] of tables.entries()) if (index > 0) table.set(`alone ${index}`, index);
    await cluster.run(2000);
    await cluster.start(0);
    const all = cluster.declare('t', sqlite) as Numbers[];
    expect(all[0]?.size).toBe(4);
    await becomesEqual(cluster, all);
    expect(all[0]?.size).toBe(7);
    cluster.crash(3);
    all[0]?.clear();
    await cluster.run(500);
    await cluster.start(3);
    await becomesEqual(cluster, cluster.declare('t', sqlite) as Numbers[]);
    expect(cluster.node(3).table('t', sqlite).size).toBe(0);
    await cluster.close();
  });

  it('is told only what is on the disk of the teller', async () => {
    const cluster = await createCluster({ size: 3, topology: 'chain', commitMs: [400, 400] });
    const [one, relay, last] = cluster.declare('t', sqlite) as Numbers[];
    await cluster.run(5000);
    one?.set('k', 1);
    await cluster.run(300);
    expect([relay?.size, last?.size]).toEqual([0, 0]);
    await cluster.run(200);
    expect([relay?.size, last?.size]).toEqual([1, 0]);
    await cluster.run(500);
    expect(last?.size).toBe(1);
    one?.set('lost', 1);
    await cluster.run(100);
    cluster.crash(0);
    await cluster.run(1000);
    expect([relay?.has('lost'), last?.has('lost')]).toEqual([false, false]);
    await cluster.close();
  });

  it('is not wiped by, and does not wipe, an empty peer', async () => {
    const cluster = await createCluster({ size: 2, topology: 'both' });
    const [one] = cluster.declare('t', memory) as [Numbers];
    one.set('a', 1);
    await cluster.run(1000);
    cluster.crash(1);
    await cluster.run(1000);
    await cluster.start(1);
    const empty = cluster.node(1).table('t', memory);
    await becomesEqual(cluster, [one, empty]);
    expect([...one]).toEqual([['a', 1]]);
    await cluster.close();
  });

  it('gets large values, however many are written at once', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair' });
    const [one, other] = cluster.declare('t', texts) as [MapTable<string, string>, MapTable<string, string>];
    await cluster.run(1000);
    for (let index = 0; index < 8000; index++) one.set(`key ${index}`, `${index} `.padEnd(1500, 'é'));
    for (let index = 0; index < 40; index++) one.set(`large ${index}`, 'x'.repeat(200_000));
    await cluster.time.runUntil(() => other.size === 8040, 60_000);
    expect(other.size).toBe(8040);
    expect(other.get('large 39')?.length).toBe(200_000);
    expect(cluster.member(0).events.map(({ code }) => code)).toEqual(['peer-connected']);
    await cluster.close();
  });
});
