import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MapTable, TableNode } from '../../src/index.ts';
import { type Cluster, createCluster } from '../support/cluster.ts';
import { readLog } from '../support/read-log.ts';

const numbers = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const notes = { key: 'string', value: 'string', backend: 'memory' } as const;

describe('node.batch', () => {
  let cluster: Cluster;
  let node: TableNode;
  let table: MapTable<string, number | bigint>;
  let other: MapTable<string, string>;

  beforeEach(async () => {
    cluster = await createCluster({ size: 1 });
    node = cluster.node(0);
    table = node.table('numbers', numbers);
    other = node.table('notes', notes);
  });
  afterEach(() => cluster.close());

  const logged = async (): Promise<string[]> => {
    const operations = await cluster.time.until(readLog(node));
    return operations.map(
      ({ kind, key, value, sequence }) => `${sequence} ${kind} ${String(key)} ${String(value)}`,
    );
  };
  const state = async (name: string): Promise<unknown[]> => [
    ...(await cluster.time.until(node.log.stateAt({ table: name }))),
  ];

  it('gives back what the function returns', () => {
    expect(node.batch(() => table.increment('a', 3))).toBe(3);
  });

  it('takes back every kind of write, in all tables, when the function throws', async () => {
    table.set('a', 1).set('b', 2);
    other.set('x', 'kept');
    const failure = new Error('on purpose');
    expect(() =>
      node.batch(() => {
        table.set('a', 9).set('new', 9);
        table.delete('b');
        other.clear();
        table.clear();
        table.increment('a', 5);
        other.set('y', 'gone');
        throw failure;
      }),
    ).toThrow(failure);
    expect(new Map(table)).toEqual(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    expect([...other]).toEqual([['x', 'kept']]);
    table.set('c', 3);
    expect(await logged()).toEqual(['1 set a 1', '2 set b 2', '1 set x kept', '3 set c 3']);
  });

  it('tells nobody of a batch that threw, and of one that did not only when it is over', () => {
    const seen: string[] = [];
    table.changes.subscribe(({ kind, key }) => seen.push(`${kind} ${key}`));
    node.log.operations().subscribe();
    expect(() =>
      node.batch(() => {
        table.set('a', 1);
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    node.batch(() => {
      table.set('b', 2);
      table.delete('b');
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual(['new b', 'removed b']);
  });

  it('can be read from any position after a batch was taken back', async () => {
    for (const value of [1, 2, 3]) {
      table.set('a', value);
      await cluster.run(10);
    }
    expect(() =>
      node.batch(() => {
        table.set('unknown', 1);
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    table.set('b', 4);
    for (const after of [0, 1, 2, 3]) {
      const operations = await cluster.time.until(readLog(node, { after }));
      expect(operations.map(({ key, value }) => [key, value])).toEqual(
        (
          [
            ['a', 1],
            ['a', 2],
            ['a', 3],
            ['b', 4],
          ] as unknown[]
        ).slice(after),
      );
    }
  });

  it('makes an inner batch part of the outer one', async () => {
    expect(() =>
      node.batch(() => {
        table.set('a', 1);
        node.batch(() => table.set('b', 2));
        table.set('c', 3);
        throw new Error('outer');
      }),
    ).toThrow('outer');
    expect([...table]).toEqual([]);
    node.batch(() => {
      table.set('a', 1);
      node.batch(() => table.set('b', 2));
      table.set('c', 3);
    });
    expect([...table]).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    expect(await state('numbers')).toEqual([...table]);
  });

  it('keeps rows and log alike when the outer batch goes on after an inner one threw', async () => {
    const attempt = (): void =>
      node.batch(() => {
        table.set('a', 1);
        try {
          node.batch(() => {
            table.set('b', 2);
            throw new Error('inner');
          });
        } catch {
          // The outer function may swallow it; what was written inside must not be half there.
        }
        table.set('c', 3);
      });
    try {
      attempt();
    } catch {
      // Refusing the whole is as good as dropping the inner part.
    }
    expect(table.has('b')).toBe(false);
    table.set('d', 4);
    expect(await state('numbers')).toEqual([...table]);
  });

  it('stays whole when the function looks at the log, flushes or declares a table', async () => {
    table.set('before', 0);
    const attempt = (): void =>
      node.batch(() => {
        table.set('a', 1);
        node.log.operations().subscribe();
        void node.log.stateAt({ table: 'numbers' });
        void node.flush();
        const late = node.table('late', numbers);
        late.set('x', 1);
        table.set('b', 2);
        throw new Error('on purpose');
      });
    expect(attempt).toThrow('on purpose');
    await cluster.run(10);
    expect([...table]).toEqual([['before', 0]]);
    expect([...node.table('late', numbers)]).toEqual([]);
    expect(await logged()).toEqual(['1 set before 0']);
    expect(await state('numbers')).toEqual([...table]);
  });

  // INV-7
  it('is one segment on disk, so that a crash leaves all of it or nothing', async () => {
    await cluster.time.until(node.flush());
    const before = cluster.member(0).disk.segments.length;
    node.batch(() => {
      for (let index = 0; index < 16_000; index++) table.set(`key ${index}`, index);
      node.table('more', numbers).set('x', 1);
    });
    await cluster.time.until(node.flush());
    expect(cluster.member(0).disk.segments.length - before).toBe(1);
  });

  it('refuses more than 16,384 operations or 1 MiB, and keeps nothing of it', async () => {
    const refused = expect.objectContaining({ code: 'LIMIT_EXCEEDED' });
    expect(() =>
      node.batch(() => {
        for (let index = 0; index < 80_000; index++) table.set('key', index);
      }),
    ).toThrow(refused);
    expect(() =>
      node.batch(() => {
        for (let index = 0; index < 3000; index++) other.set(`key ${index}`, 'x'.repeat(1000));
      }),
    ).toThrow(refused);
    expect([table.size, other.size]).toEqual([0, 0]);
    table.set('after', 1);
    expect(await logged()).toEqual(['1 set after 1']);
  });

  it('refuses an asynchronous function, and keeps nothing of it', async () => {
    expect(() =>
      node.batch(async () => {
        table.set('a', 1);
      }),
    ).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
    expect(table.size).toBe(0);
    await cluster.run(5);
    expect(await logged()).toEqual([]);
  });
});
