import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Change, Conflict, MapTable } from '../../src/index.ts';
import { automergeMode } from '../../src/modes/automerge/automerge.ts';
import type { Cluster } from '../support/cluster.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';
import { readLog } from '../support/read-log.ts';
import { documentOf, headsOf, officialRows, officialValues } from './documents.ts';
import { type StormTable, sorted } from './storm.ts';
import { exactly } from '../../src/schema/exactly.ts';

const declaration = { key: 'string', value: { type: 'count', as: 'exact' }, mode: 'automerge' } as const;
const automerge = automergeMode as { unavailable: () => string | undefined };
const clusterOf = clustersOfATest();

async function apart(): Promise<{ cluster: Cluster; one: StormTable; two: StormTable }> {
  const cluster = await clusterOf({ size: 2 });
  const [one, two] = cluster.declare('t', declaration);
  await cluster.run(1000);
  return { cluster, one: one as StormTable, two: two as StormTable };
}

afterEach(async () => {
  vi.restoreAllMocks();
});

describe('mode automerge', () => {
  it('keeps every concurrent value readable, with the same winner on every node, until somebody who saw them writes', async () => {
    const { cluster, one, two } = await apart();
    cluster.setCut(0, 1, true);
    one.set('k', 1);
    two.set('k', 2);
    cluster.setCut(0, 1, false);
    await cluster.run(30_000);
    const values = [one, two].map((table) => table.conflictsOf('k'));
    expect(values[0]).toEqual(values[1]);
    expect(values[0]?.map(({ value }) => value).toSorted()).toEqual([1, 2]);
    expect(values[0]?.map(({ winner }) => winner)).toEqual([true, false]);
    expect([one.get('k'), two.get('k')]).toEqual([values[0]?.[0]?.value, values[0]?.[0]?.value]);
    expect(officialValues(one, 'k')).toEqual(['1', '2']);
    two.set('k', 3);
    expect(two.conflictsOf('k')).toHaveLength(1);
    await cluster.run(1000);
    expect(one.conflictsOf('k')).toMatchObject([{ value: 3, winner: true }]);
    expect(one.conflictsOf('absent')).toEqual([]);
  });

  it('reports a lost concurrent write on both nodes, and no conflict for increments', async () => {
    const { cluster, one, two } = await apart();
    const seen: Conflict<string, number | bigint>[][] = [[], []];
    one.conflicts.subscribe((conflict) => seen[0]?.push(conflict));
    two.conflicts.subscribe((conflict) => seen[1]?.push(conflict));
    one.set('k', 1);
    two.set('k', 2);
    one.increment('n', 1);
    two.increment('n', 2);
    await cluster.run(1000);
    const sides = seen.map((list) => list.map(({ key, kept, lost }) => [key, kept.value, lost.value]));
    expect(sides[0]).toEqual(sides[1]);
    expect(sides[0]).toHaveLength(1);
    expect(sides[0]?.[0]?.[1]).toBe(one.get('k'));
    expect([one.get('n'), two.get('n')]).toEqual([3, 3]);
  });

  it('adds up what is added at the same time: to a new key, after a set, and after a removal all have seen', async () => {
    const { cluster, one, two } = await apart();
    const both = async (): Promise<unknown[]> => {
      one.increment('k', 2);
      two.increment('k', 3);
      await cluster.run(1000);
      return [one.get('k'), two.get('k')];
    };
    expect(await both()).toEqual([5, 5]);
    one.set('k', 100);
    await cluster.run(1000);
    expect(await both()).toEqual([105, 105]);
    two.delete('k');
    await cluster.run(1000);
    expect(await both()).toEqual([5, 5]);
    expect(officialRows(one)).toEqual([['k', 5]]);
  });

  it('tells of an increment as an operation with what was added, and as a change with the sum', async () => {
    const { cluster, one, two } = await apart();
    const changes: Change<string, number | bigint>[] = [];
    two.changes.subscribe((change) => changes.push(change));
    one.set('k', 5);
    one.increment('k', 2);
    await cluster.run(1000);
    one.increment('k', 4);
    await cluster.run(1000);
    expect(changes.map(({ kind, value, previous }) => [kind, value, previous])).toEqual([
      ['new', 5, undefined],
      ['changed', 7, 5],
      ['changed', 11, 7],
    ]);
    const log = await cluster.time.until(readLog(cluster.node(1)));
    expect(log.map(({ kind, value }) => [kind, value])).toEqual([
      ['set', 5],
      ['increment', 2],
      ['increment', 4],
    ]);
  });

  it('shows a sum inside the range of the type, and goes on from the sum itself', async () => {
    const { cluster, one, two } = await apart();
    one.set('k', 5);
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    one.increment('k', -4);
    two.increment('k', -4);
    cluster.setCut(0, 1, false);
    await cluster.run(30_000);
    expect([one.get('k'), two.get('k')]).toEqual([0, 0]);
    one.increment('k', 5);
    await cluster.run(1000);
    expect([one.get('k'), two.get('k')]).toEqual([2, 2]);
    one.set('k', 2n ** 60n);
    one.increment('k', 1);
    await cluster.run(1000);
    expect(two.get('k')).toBe(2n ** 60n + 1n);
  });

  it('lets a write survive a removal, a clear and an expiry that had not seen it', async () => {
    const { cluster, one, two } = await apart();
    for (const key of ['a', 'b', 'c']) one.set(key, 1);
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    one.clear();
    two.set('b', 2);
    two.increment('c', 1);
    cluster.setCut(0, 1, false);
    await cluster.run(30_000);
    expect([sorted(one), sorted(two)]).toEqual([[['b', 2]], [['b', 2]]]);
    expect(officialRows(two)).toEqual([['b', 2]]);
  });

  it('removes more rows than fit into one clear, one by one', async () => {
    const { cluster, one, two } = await apart();
    for (let index = 0; index < 17_000; index++) one.set(`key-${index}`, index);
    await cluster.run(2000);
    expect(two.size).toBe(17_000);
    one.clear();
    await cluster.run(2000);
    expect([one.size, two.size]).toEqual([0, 0]);
    expect(headsOf(one)).toBe(headsOf(two));
  });

  it('takes a batch back as a whole, also one of several runs', async () => {
    const { cluster, one, two } = await apart();
    one.set('k', 1);
    one.increment('n', 1);
    await cluster.run(1000);
    const heads = headsOf(one);
    expect(() =>
      cluster.node(0).batch(() => {
        one.increment('n', 5);
        one.set('k', 2);
        for (let index = 0; index < 6000; index++) one.set(`x${index}`, index);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect([headsOf(one), one.get('k'), one.get('n'), one.size]).toEqual([heads, 1, 1, 2]);
    one.increment('n', 1);
    await cluster.run(1000);
    expect([one.get('n'), two.get('n'), headsOf(two)]).toEqual([2, 2, headsOf(one)]);
  });

  it('comes back from the log and from a checkpoint with the same document', async () => {
    const cluster = await clusterOf({ size: 2, checkpointAfter: 16 });
    const sqlite = { ...declaration, backend: 'sqlite' } as const;
    const [one, two] = cluster.declare('t', sqlite);
    for (let step = 0; step < 60; step++) {
      (step % 2 === 0 ? one : two)?.increment(`k${step % 5}`, step);
      await cluster.run(40);
    }
    await cluster.run(5000);
    const before = headsOf(one);
    const rows = sorted(one as StormTable);
    for (const index of [0, 1]) {
      await cluster.stop(index);
      await cluster.start(index, (node) => void node.table('t', sqlite));
      const table: StormTable = cluster.node(index).table('t', sqlite);
      expect([headsOf(table), sorted(table)]).toEqual([before, rows]);
      expect(officialRows(table)).toEqual(rows);
    }
  });

  it('gives a newcomer the document by checkpoint, and goes on together with what it had written alone', async () => {
    const cluster = await clusterOf({ size: 3, topology: 'star' });
    cluster.setCut(0, 2, true);
    const [one, two, three] = cluster.declare('t', declaration);
    await cluster.run(1000);
    for (let step = 0; step < 1500; step++) {
      one?.increment('n', 1);
      two?.set(`k${step % 3}`, step);
      if (step % 100 === 0) await cluster.run(20);
    }
    await cluster.run(1000);
    three?.increment('n', 7);
    three?.set('own', 1);
    cluster.setCut(0, 2, false);
    await cluster.run(30_000);
    const tables: StormTable[] = [one!, two!, three!];
    expect(tables.map((table) => table.get('n'))).toEqual([1507, 1507, 1507]);
    expect(tables.map(headsOf)).toEqual(tables.map(() => headsOf(one)));
    expect(officialRows(three!)).toEqual(sorted(one as StormTable));
  });

  it('keeps values of every kind exactly', async () => {
    const cluster = await clusterOf({ size: 2 });
    const values = {
      bool: [true, false],
      int: [-5, 0, 2n ** 62n, -(2n ** 63n)],
      double: [0.1, -0, Number.NaN, Infinity],
      string: ['', 'é', '__proto__'],
      addr: ['10.0.0.1', 'fe80::1'],
      interval: [0n, 5n, -(2n ** 60n)],
    } as const;
    for (const [value, list] of Object.entries(values)) {
      const [one, two] = cluster.declare(
        value,
        exactly({ key: 'string', value: value as 'int', mode: 'automerge' }),
      ) as unknown as MapTable[];
      for (const [index, item] of list.entries()) one!.set(`__proto__${index}`, item);
      await cluster.run(1000);
      for (const [index, item] of list.entries())
        expect(Object.is(two!.get(`__proto__${index}`), item), `${value} ${String(item)}`).toBe(true);
      expect(headsOf(one)).toBe(headsOf(two));
      expect(one!.exportAutomerge().length).toBeGreaterThan(0);
    }
    const [set, other] = cluster.declare('set', { key: ['addr', 'port'], mode: 'automerge' });
    set!.add(['10.0.0.1', '80/tcp']);
    await cluster.run(1000);
    expect([...other!]).toEqual([['10.0.0.1', '80/tcp']]);
  });

  it('exports nothing in another mode, and an empty document of an empty table', async () => {
    const cluster = await clusterOf({ size: 1 });
    const [naive] = cluster.declare('n', { ...declaration, mode: 'naive' });
    expect(() => naive!.exportAutomerge()).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
    naive!.set('k', 1);
    expect(naive!.conflictsOf('k')).toMatchObject([{ value: 1, winner: true }]);
    const [empty] = cluster.declare('e', declaration);
    expect(officialRows(empty as StormTable)).toEqual([]);
  });
});

describe('switching to and from automerge', () => {
  it('carries rows over both ways, with counters going on from what they were', async () => {
    const cluster = await clusterOf({ size: 2 });
    const tables: StormTable[] = cluster.declare('t', { ...declaration, mode: 'lww' });
    tables[0]!.set('k', 10);
    tables[0]!.set('other', 1);
    await cluster.run(1000);
    await cluster.time.until(tables[1]!.switchMode('automerge'));
    await cluster.run(1000);
    tables[0]!.increment('k', 1);
    tables[1]!.increment('k', 2);
    await cluster.run(1000);
    expect(tables.map(sorted)).toEqual([
      [
        ['k', 13],
        ['other', 1],
      ],
      [
        ['k', 13],
        ['other', 1],
      ],
    ]);
    expect(headsOf(tables[0])).toBe(headsOf(tables[1]));
    expect(officialRows(tables[0]!)).toEqual([
      ['k', 13],
      ['other', 1],
    ]);
    await cluster.time.until(tables[0]!.switchMode('naive'));
    await cluster.run(1000);
    expect(tables.map(({ mode }) => mode)).toEqual(['naive', 'naive']);
    expect(tables.map((table) => table.get('k'))).toEqual([13, 13]);
  });

  it('adds what was added without knowing of a switch to another mode, instead of replacing the sum', async () => {
    for (const mode of ['automerge', 'lww', 'naive'] as const) {
      const { cluster, one, two } = await apart();
      one.increment('k', 10);
      await cluster.run(1000);
      cluster.setCut(0, 1, true);
      two.increment('k', 5);
      one.increment('k', 1);
      await cluster.time.until(one.switchMode(mode));
      cluster.setCut(0, 1, false);
      await cluster.run(30_000);
      expect([one.get('k'), two.get('k')], mode).toEqual([16, 16]);
    }
  });

  it('begins a document anew when its history has become long, and counts on', async () => {
    const { cluster, one, two } = await apart();
    for (let index = 0; index < 100; index++) one.set(`k${index % 10}`, index);
    await cluster.run(1000);
    const before = headsOf(one);
    for (const table of [one, two])
      vi.spyOn(documentOf(table).history, 'operations', 'get').mockReturnValue(131_073);
    two.increment('n', 3);
    await cluster.run(10_000);
    expect(documentOf(one).history.operations).toBeLessThan(10);
    expect(headsOf(one)).not.toBe(before);
    expect(
      cluster.members.flatMap(({ events }) => events.filter(({ code }) => code === 'mode-switched')),
    ).toHaveLength(2);
    two.increment('n', 4);
    await cluster.run(1000);
    expect([one.get('n'), one.get('k9'), headsOf(one)]).toEqual([7, 99, headsOf(two)]);
  });

  it('refuses a declaration and a switch where the package is not installed, with what to install', async () => {
    vi.spyOn(automerge, 'unavailable').mockReturnValue('mode automerge needs a package. npm install x');
    const cluster = await clusterOf({ size: 1 });
    const refused = {
      code: 'DECLARATION_INVALID',
      message: expect.stringContaining('npm install') as string,
    };
    expect(() => cluster.node(0).table('t', declaration)).toThrow(expect.objectContaining(refused));
    const lww = cluster.node(0).table('l', { ...declaration, mode: 'lww' });
    await expect(lww.switchMode('automerge')).rejects.toMatchObject(refused);
    expect(lww.mode).toBe('lww');
  });

  it('leaves a table alone, saying why, that others switch to what this node cannot do; the rest goes on', async () => {
    const cluster = await clusterOf({ size: 2 });
    const [one, two] = cluster.declare('t', { ...declaration, mode: 'lww' });
    const [other, beside] = cluster.declare('u', { ...declaration, mode: 'lww' });
    one!.set('k', 1);
    await cluster.run(1000);
    const switching = one!.switchMode('automerge');
    vi.spyOn(automerge, 'unavailable').mockReturnValue('the package is not installed here');
    await cluster.time.until(switching);
    one!.set('k', 2);
    other!.set('x', 1);
    await cluster.run(5000);
    expect([two!.mode, two!.get('k'), beside!.get('x')]).toEqual(['lww', 1, 1]);
    const said = cluster.member(1).events.find(({ code }) => code === 'table-refused');
    expect(said?.message).toMatch(/not installed here/);
  });
});
