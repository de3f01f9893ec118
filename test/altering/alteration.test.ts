import { describe, expect, test } from 'vitest';
import { alterTable, openNode, previewAlteration } from '../../src/index.ts';
import { AlteredCluster, type Mapping, rowsOf } from './altered-cluster.ts';

interface Visits {
  readonly hits: number;
}

const counts = { key: 'addr', value: 'count', backend: 'sqlite' } as const;
const texts = { key: 'addr', value: 'string', backend: 'sqlite' } as const;
const ints = { key: 'addr', value: 'int', backend: 'sqlite' } as const;
const visits = { key: ['addr', 'port'], value: 'any', complexValues: true, backend: 'sqlite' } as const;

/** A column more: the port was the default one, and a row says who it was. */
const withPort: Mapping = {
  up: ({ key, value }, standing) => ({
    key: [key, '80/tcp'],
    value: { ...(standing?.value as Visits | undefined), hits: Number(value) },
  }),
  down: (row) => {
    const [host, port] = row.key as readonly string[];
    if (port !== '80/tcp') throw new Error(`the port ${port} has no place`);
    return { key: host, value: (row.value as Visits).hits };
  },
};

describe('two tables that are kept alike', () => {
  test('have what stood in either, and what is written and removed on either side later', async () => {
    const it = await new AlteredCluster(1, counts, texts).start();
    it.old.set('10.0.0.1', 1);
    it.new.set('10.0.0.2', '2');
    await it.rest();
    expect(rowsOf(it.new)).toEqual({ '10.0.0.1': '1', '10.0.0.2': '2' });
    expect(rowsOf(it.old)).toEqual({ '10.0.0.1': 1, '10.0.0.2': 2 });
    it.old.set('10.0.0.2', 20);
    it.new.delete('10.0.0.1');
    await it.rest();
    expect(rowsOf(it.new)).toEqual({ '10.0.0.2': '20' });
    expect(rowsOf(it.old)).toEqual({ '10.0.0.2': 20 });
    it.old.clear();
    await it.rest();
    expect([it.old.size, it.new.size, it.alteration.state.pairs]).toEqual([0, 0, 0]);
    expect(it.problems).toEqual([]);
  });

  test('count what is added on both sides at once', async () => {
    const it = await new AlteredCluster(2, counts, ints).start();
    it.old.set('10.0.0.1', 5);
    await it.rest();
    it.old.increment('10.0.0.1', 2);
    it.new.increment('10.0.0.1', 3);
    await it.rest();
    expect([it.old.get('10.0.0.1'), it.new.get('10.0.0.1')]).toEqual([10, 10]);
    expect(it.problems).toEqual([]);
  });

  test('go on where they were after the one that carries was killed and both sides were written', async () => {
    const it = await new AlteredCluster(3, counts, texts).start();
    for (const last of [1, 2, 3, 4]) it.old.set(`10.0.0.${last}`, last);
    await it.rest();
    it.cluster.crash(1);
    it.old.set('10.0.0.1', 100);
    it.old.delete('10.0.0.2');
    it.new.set('10.0.0.3', '300');
    it.new.delete('10.0.0.4');
    await it.startCarrier();
    await it.rest();
    const left = { '10.0.0.1': '100', '10.0.0.3': '300' };
    expect(rowsOf(it.new)).toEqual(left);
    expect(rowsOf(it.old)).toEqual({ '10.0.0.1': 100, '10.0.0.3': 300 });
    expect(it.problems).toEqual([]);
  });

  test('tell a row that was written on both sides, and keep that of the new one', async () => {
    const it = await new AlteredCluster(4, counts, texts).start();
    it.old.set('10.0.0.1', 1);
    await it.rest();
    it.cluster.crash(1);
    it.old.set('10.0.0.1', 2);
    it.new.set('10.0.0.1', '3');
    await it.startCarrier();
    await it.rest();
    expect([it.old.get('10.0.0.1'), it.new.get('10.0.0.1')]).toEqual([3, '3']);
    expect(it.problems).toEqual([{ kind: 'conflict', table: 'hits', key: '10.0.0.1', kept: 3, lost: 2 }]);
    expect(it.alteration.state.conflicts).toBe(1);
  });

  test('tell a removal that met a write: the write stands', async () => {
    const it = await new AlteredCluster(5, counts, texts).start();
    it.old.set('10.0.0.1', 1);
    it.old.set('10.0.0.2', 2);
    await it.rest();
    it.cluster.crash(1);
    it.old.delete('10.0.0.1');
    it.new.set('10.0.0.1', '7');
    it.old.set('10.0.0.2', 8);
    it.new.delete('10.0.0.2');
    await it.startCarrier();
    await it.rest();
    expect(rowsOf(it.old)).toEqual({ '10.0.0.1': 7, '10.0.0.2': 8 });
    expect(rowsOf(it.new)).toEqual({ '10.0.0.1': '7', '10.0.0.2': '8' });
    expect(it.problems.map(({ kind }) => kind)).toEqual(['conflict', 'conflict']);
  });

  test('may differ in columns of the key; what old programs write keeps what only the new row has', async () => {
    const it = await new AlteredCluster(6, counts, visits, withPort).start();
    it.old.set('10.0.0.1', 1);
    await it.rest();
    expect(rowsOf(it.new)).toEqual({ '10.0.0.1,80/tcp': { hits: 1 } });
    it.new.set(['10.0.0.1', '80/tcp'], { hits: 1, who: 'ada' });
    await it.rest();
    it.old.set('10.0.0.1', 2);
    await it.rest();
    expect(rowsOf(it.new)).toEqual({ '10.0.0.1,80/tcp': { hits: 2, who: 'ada' } });
    expect(rowsOf(it.old)).toEqual({ '10.0.0.1': 2 });
  });

  test('tell once a row that the other cannot have, and carry it when it can', async () => {
    const it = await new AlteredCluster(7, counts, texts).start();
    it.new.set('10.0.0.1', 'many');
    it.new.set('10.0.0.2', '2');
    await it.rest();
    expect(rowsOf(it.old)).toEqual({ '10.0.0.2': 2 });
    expect(it.problems).toMatchObject([{ kind: 'unmapped', table: 'hits2', key: '10.0.0.1' }]);
    expect((it.problems[0] as { reason: string }).reason).toMatch(/"many" is no count/);
    expect(it.alteration.state.unmapped).toBe(1);
    it.new.set('10.0.0.1', '1');
    await it.rest();
    expect(rowsOf(it.old)).toEqual({ '10.0.0.1': 1, '10.0.0.2': 2 });
    expect([it.alteration.state.unmapped, it.problems.length]).toEqual([0, 1]);
  });

  test('tell two rows that would have one key, and keep them apart', async () => {
    const it = await new AlteredCluster(8, counts, visits, {
      ...withPort,
      down: ({ key, value }) => ({ key: (key as readonly string[])[0], value: (value as Visits).hits }),
    }).start();
    it.new.set(['10.0.0.1', '80/tcp'], { hits: 1 });
    it.new.set(['10.0.0.1', '443/tcp'], { hits: 2 });
    await it.rest();
    expect(rowsOf(it.old)).toEqual({ '10.0.0.1': 1 });
    expect(it.new.size).toBe(2);
    expect(it.problems).toMatchObject([{ kind: 'unmapped', key: ['10.0.0.1', '443/tcp'] }]);
  });

  test('carry a row to another key when the mapping says so', async () => {
    const byHost = { key: 'string', value: 'string', backend: 'sqlite' } as const;
    const it = await new AlteredCluster(9, byHost, byHost, {
      up: ({ key, value }) => ({ key: value, value: key }),
      down: ({ key, value }) => ({ key: value, value: key }),
    }).start();
    it.old.set('a', 'x');
    await it.rest();
    it.old.set('a', 'y');
    await it.rest();
    expect(rowsOf(it.new)).toEqual({ y: 'a' });
    it.new.set('y', 'b');
    await it.rest();
    expect(rowsOf(it.old)).toEqual({ b: 'y' });
  });

  test('let a row live on that either side touches, or writes again as it was', async () => {
    const living = { ...counts, writeExpire: '5m' } as const;
    const it = await new AlteredCluster(10, living, { ...texts, writeExpire: '5m' }).start();
    it.old.set('10.0.0.1', 1);
    it.old.set('10.0.0.2', 1);
    for (let minute = 0; minute < 12; minute++) {
      await it.cluster.run(60_000);
      if (minute % 4 === 0) it.old.set('10.0.0.1', 1);
      else if (minute % 4 === 1) it.new.touch('10.0.0.1');
      else if (minute % 4 === 2) it.new.set('10.0.0.1', '1');
      else it.old.touch('10.0.0.1');
    }
    expect(rowsOf(it.old)).toEqual({ '10.0.0.1': 1 });
    expect(rowsOf(it.new)).toEqual({ '10.0.0.1': '1' });
    for (let minute = 0; minute < 12; minute++) {
      await it.cluster.run(60_000);
      it.new.touch('10.0.0.1');
    }
    expect([it.old.size, it.new.size]).toEqual([1, 1]);
    const { position } = it.cluster.node(1).log;
    await it.cluster.run(200_000);
    expect(it.cluster.node(1).log.position - position).toBeLessThanOrEqual(2);
    await it.cluster.run(900_000);
    expect([it.old.size, it.new.size]).toEqual([0, 0]);
  });

  test('hold integers that no number holds, and functions are given them as their program reads them', async () => {
    const exact = { key: 'string', value: 'count', backend: 'sqlite' } as const;
    const asBigint = { ...exact, value: { type: 'count', as: 'bigint' } } as const;
    const given: unknown[] = [];
    const it = await new AlteredCluster(14, asBigint, exact, {
      up: (row) => {
        given.push(row.value);
        return row;
      },
      down: ({ key, value }) => ({ key, value: Number(value) + 1 }),
    }).start();
    it.old.set('a', 2n ** 60n);
    it.old.set('b', 1n);
    await it.rest();
    expect(given).toEqual([2n ** 60n, 1n]);
    expect(() => it.new.get('a')).toThrow(/which is exact up to/);
    expect(it.new.get('b')).toBe(1);
    it.new.set('b', 5);
    await it.rest();
    expect(it.old.get('b')).toBe(6n);
    const unreadable = await new AlteredCluster(15, exact, exact, {
      up: ({ key, value }) => ({ key, value: Number(value) }),
      down: (row) => row,
    }).start();
    unreadable.cluster
      .node(0)
      .table('hits', asBigint)
      .set('a', 2n ** 60n);
    await unreadable.rest();
    expect(unreadable.problems).toMatchObject([{ kind: 'unmapped', table: 'hits', key: 'a' }]);
  });

  test('take nothing back one way', async () => {
    const it = await new AlteredCluster(11, counts, texts, { oneWay: true }).start();
    it.old.set('10.0.0.1', 1);
    it.new.set('10.0.0.2', 'two');
    await it.rest();
    it.new.set('10.0.0.1', 'one');
    await it.rest();
    expect(rowsOf(it.old)).toEqual({ '10.0.0.1': 1 });
    expect(rowsOf(it.new)).toEqual({ '10.0.0.1': 'one', '10.0.0.2': 'two' });
    expect(it.problems).toEqual([]);
  });

  test('are many rows, carried in turns', async () => {
    const it = await new AlteredCluster(12, counts, texts).start();
    for (let index = 0; index < 3000; index++) it.old.set(`10.0.${index >> 8}.${index & 255}`, index);
    await it.rest();
    expect(it.new.size).toBe(3000);
    expect(it.alteration.state).toEqual({
      pairs: 3000,
      carriedUp: 3000,
      carriedDown: 0,
      conflicts: 0,
      unmapped: 0,
    });
    await it.crashCarrier();
    await it.rest();
    expect(it.alteration.state).toMatchObject({ pairs: 3000, carriedUp: 0, carriedDown: 0 });
  });

  test('tell a sum that the other side cannot hold, and carry all others', async () => {
    const it = await new AlteredCluster(16, counts, ints).start();
    it.old.set('10.0.0.1', 5);
    await it.rest();
    it.new.set('10.0.0.1', -3);
    it.new.set('10.0.0.2', 7);
    await it.rest();
    expect(rowsOf(it.old)).toEqual({ '10.0.0.1': 5, '10.0.0.2': 7 });
    expect(it.problems).toMatchObject([{ kind: 'unmapped', table: 'hits2', key: '10.0.0.1' }]);
    it.new.set('10.0.0.1', 8);
    await it.rest();
    expect([it.old.get('10.0.0.1'), it.alteration.state.unmapped]).toEqual([8, 0]);
  });

  test('tell two rows whose key cannot be written as JSON', async () => {
    const large = { key: { type: 'count', as: 'exact' }, value: 'string', backend: 'sqlite' } as const;
    const it = await new AlteredCluster(17, large, large, {
      up: (row) => row,
      down: ({ value }) => ({ key: 2n ** 60n, value }),
    }).start();
    it.new.set(2n ** 60n, 'a');
    it.new.set(1, 'b');
    await it.rest();
    expect(it.problems).toMatchObject([{ kind: 'unmapped', table: 'hits2' }]);
    expect([it.old.size, it.new.size]).toEqual([1, 2]);
  });

  test('take nothing away where the functions lead to another row than they came from', async () => {
    const words = { key: 'string', value: 'string', backend: 'sqlite' } as const;
    const it = await new AlteredCluster(18, words, words, {
      up: ({ value }) => ({ key: 'x', value }),
      down: ({ value }) => ({ key: 'other', value }),
    }).start();
    it.cluster.crash(1);
    it.old.set('a', 'old');
    it.new.set('x', 'new');
    await it.startCarrier();
    await it.rest();
    expect(it.old.get('a')).toBe('old');
    expect(it.problems).toMatchObject([{ kind: 'unmapped', table: 'hits', key: 'a' }]);
  });

  test('remember 1,000 rows as told; one more is told and counted each time it is tried', async () => {
    const it = await new AlteredCluster(13, counts, texts).start();
    for (let index = 0; index <= 1000; index++) it.new.set(`10.0.${index >> 8}.${index & 255}`, 'many');
    await it.rest();
    expect([it.problems.length, it.alteration.state.unmapped]).toEqual([1001, 1001]);
    it.new.set('10.0.0.0', 'more');
    it.new.set('10.0.0.0', 'many');
    await it.rest();
    expect([it.problems.length, it.alteration.state.unmapped]).toEqual([1001, 1001]);
    it.new.set('10.0.3.232', 'many');
    await it.rest();
    expect([it.problems.length, it.alteration.state.unmapped]).toEqual([1002, 1002]);
  });
});

test('a preview lists 1,000 problems, counts the others and writes nothing', async () => {
  await using node = await openNode({ id: 'a' });
  const from = node.table('hits', { key: 'addr', value: 'count' });
  const to = node.table('hits2', { key: 'addr', value: 'string' });
  from.set('10.9.9.9', 1);
  for (let index = 0; index <= 1000; index++) to.set(`10.0.${index >> 8}.${index & 255}`, 'many');
  const { position } = node.log;
  const preview = await previewAlteration(node, { from, to });
  expect(preview.problems.length).toBe(1000);
  expect(preview).toMatchObject({ carriedUp: 1, carriedDown: 0, unmapped: 1001 });
  expect(node.log.position).toBe(position);
});

test('a preview gives functions rows as the program reads them', async () => {
  await using node = await openNode({ id: 'a' });
  const from = node.table('hits', { key: 'string', value: { type: 'count', as: 'bigint' } });
  const to = node.table('hits2', { key: 'string', value: 'string' });
  from.set('a', 1n);
  from.set('b', 2n ** 60n);
  const given: unknown[] = [];
  const preview = await previewAlteration(node, {
    from,
    to,
    up: ({ key, value }) => {
      given.push(value);
      return { key, value: String(value) };
    },
    oneWay: true,
  });
  expect(given).toEqual([1n, 2n ** 60n]);
  expect(preview).toMatchObject({ carriedUp: 2, unmapped: 0 });
});

test('what a node had not carried when it closed is not said to be carried', async () => {
  const node = await openNode({ id: 'a' });
  const from = node.table('hits', { key: 'addr', value: 'count' });
  const alteration = alterTable(node, { from, to: node.table('hits2', { key: 'addr', value: 'string' }) });
  await alteration.settled();
  from.set('10.0.0.1', 1);
  const [settled] = await Promise.allSettled([alteration.settled(), node.close()]);
  expect(settled).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
  await expect(alteration.settled()).rejects.toMatchObject({ code: 'CLOSED' });
});

test('what an alteration had not carried when it was closed is not said to be carried', async () => {
  await using node = await openNode({ id: 'a' });
  const from = node.table('hits', { key: 'addr', value: 'count' });
  const to = node.table('hits2', { key: 'addr', value: 'string' });
  const alteration = alterTable(node, { from, to });
  await alteration.settled();
  from.set('10.0.0.1', 1);
  await alteration.close();
  await expect(alteration.settled()).rejects.toMatchObject({ code: 'CLOSED' });
  const again = alterTable(node, { from, to });
  expect(() => alterTable(node, { from, to })).toThrow(/already/);
  expect(() => alterTable(node, { from: to, to: from })).toThrow(/already/);
  await again.settled();
  expect(to.get('10.0.0.1')).toBe('1');
});

test('what is closed before both tables are there is not said to be carried, and follows nothing', async () => {
  const it = new AlteredCluster(20, counts, texts);
  await it.startCarrier();
  const settled = it.alteration.settled().catch((error: unknown) => error);
  await it.alteration.close();
  expect(await settled).toMatchObject({ code: 'CLOSED' });
  await it.cluster.start(0, (node) => void node.table('hits', counts).set('10.0.0.1', 1));
  await it.cluster.run(60_000);
  expect(it.cluster.node(1).tables.get('hits')?.size).toBe(1);
  expect(it.cluster.node(1).tables.get('hits2')?.size).toBe(0);
});

test('an alteration that ends by a defect tells it, and says nothing to be carried', async () => {
  await using node = await openNode({ id: 'a' });
  const from = node.table('hits', { key: 'addr', value: 'count' });
  const to = node.table('hits2', { key: 'addr', value: 'string' });
  const batch = (): never => {
    throw new TypeError('nobody expected this');
  };
  const broken = { batch, table: node.table.bind(node), log: node.log };
  const alteration = alterTable(broken, { from, to });
  const told = new Promise((resolve) => void alteration.problems.subscribe({ error: resolve }));
  from.set('10.0.0.1', 1);
  expect(await told).toMatchObject({ code: 'CLOSED', cause: expect.any(TypeError) as Error });
  await expect(alteration.settled()).rejects.toMatchObject({ code: 'CLOSED' });
});
