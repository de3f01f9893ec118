import { describe, expect, it } from 'vitest';
import type { MapTable, RowOptions, SetTable, View } from '../../src/index.ts';
import { codeOf, counts, errorOf, members, settle, withCluster } from '../conformance/fixture.ts';
import { rowsIn, told } from './support.ts';

type Counts = RowOptions<string, number | bigint, number | bigint>;

const large: Counts = { where: ({ value }) => value > 10 };

describe('a view of rows', () => {
  it('shows the rows that are asked for, and tells what becomes another', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      table.set('a', 1).set('b', 20);
      const view = table.view({
        where: ({ value }) => value > 10,
        map: ({ key, value }) => `${key}:${value}`,
      });
      const lines = told(view);
      expect(rowsIn(view)).toEqual(['b="b:20"']);
      table.set('a', 30).set('b', 2).set('a', 30).set('c', 3);
      expect(lines).toEqual(['new "a" "a:30" -', 'removed "b" - "b:20"']);
      table.set('a', 31);
      table.clear();
      expect(lines.slice(2)).toEqual(['changed "a" "a:31" "a:30"', 'removed "a" - "a:31"']);
      expect([view.size, view.snapshot, view.get('a')]).toEqual([0, [], undefined]);
    });
  });

  it('shows members of sets and keys of several columns', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const set = cluster.node(0).table('s', members);
      const pairs = cluster.node(0).table('p', { key: ['addr', 'port'], value: 'count' });
      const view = set.view({ where: ({ key }) => key.startsWith('a'), map: ({ key }) => key.length });
      const ports = pairs.view({ where: ({ key: [, port] }) => port === '80/tcp' });
      set.add('abc').add('b');
      pairs.set(['10.0.0.1', '80/tcp'], 7).set(['10.0.0.1', '22/tcp'], 8);
      expect(rowsIn(view)).toEqual(['abc=3']);
      expect(ports.get(['10.0.0.1', '80/tcp'])).toBe(7);
      expect(ports.get(['10.0.0.1', '22/tcp'])).toBeUndefined();
      expect(codeOf(() => ports.get(['10.0.0.1', 'http'] as never))).toBe('KEY_INVALID');
    });
  });

  it('is as the table is inside of a batch, tells of one that stands as a whole, and nothing of one taken back', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const node = cluster.node(0);
      const table = node.table('t', counts);
      table.set('a', 20);
      const view = table.view(large);
      const lines = told(view);
      const seen: string[][] = [];
      node.batch(() => {
        table.set('b', 21).delete('a');
        seen.push(rowsIn(view));
        table.set('c', 22);
      });
      expect(seen).toEqual([['b=21']]);
      expect(lines).toEqual(['new "b" 21 -, removed "a" - 20, new "c" 22 -']);
      expect(() =>
        node.batch(() => {
          table.set('d', 23).set('b', 99);
          seen.push(rowsIn(view));
          throw new Error('taken back');
        }),
      ).toThrow('taken back');
      expect(seen[1]).toEqual(['b=99', 'c=22', 'd=23']);
      expect(rowsIn(view)).toEqual(['b=21', 'c=22']);
      table.set('c', 23);
      expect(lines.slice(1)).toEqual(['changed "c" 23 22']);
    });
  });

  it('tells who subscribes in a batch that is taken back what leads on from what it could read', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const node = cluster.node(0);
      const table = node.table('t', counts);
      const view = table.view(large);
      let lines: string[] = [];
      expect(() =>
        node.batch(() => {
          table.set('a', 20);
          lines = told(view);
          throw new Error('taken back');
        }),
      ).toThrow('taken back');
      expect(lines).toEqual(['removed "a" - 20']);
    });
  });

  it('tells who subscribes in a batch that stands only what comes after', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const node = cluster.node(0);
      const table = node.table('t', counts);
      const view = table.view(large);
      const first = told(view);
      let second: string[] = [];
      node.batch(() => {
        table.set('a', 20);
        second = told(view);
        table.set('b', 21);
      });
      expect([first, second]).toEqual([['new "a" 20 -, new "b" 21 -'], ['new "b" 21 -']]);
    });
  });

  it('is as the table is while changes are told, and tells a subscriber that writes in order', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const seen: string[] = [];
      const view = table.view(large);
      table.changes.subscribe(({ key, value }) => {
        if (value === 11) table.set(`${key}!`, 12);
        seen.push(`${key}: ${rowsIn(view).join(' ')}`);
      });
      const lines = told(view);
      view.differences.subscribe(() => table.set('told', 1));
      table.set('a', 11);
      expect(seen).toEqual(['a: a=11 a!=12', 'a!: a=11 a!=12', 'told: a=11 a!=12']);
      expect(lines).toEqual(['new "a" 11 -, new "a!" 12 -']);
    });
  });

  it('gives the same array until a row is another', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const view = table.set('a', 20).view(large);
      const { snapshot } = view;
      table.set('b', 1).set('a', 20);
      expect(view.snapshot).toBe(snapshot);
      table.set('b', 11);
      expect(view.snapshot).not.toBe(snapshot);
      expect(snapshot).toEqual([{ key: 'a', value: 20 }]);
      expect(Object.isFrozen(snapshot)).toBe(true);
    });
  });

  it('takes in what comes from other nodes, one array for each frame', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = [0, 1].map((index) => cluster.node(index).table('t', counts));
      await settle(cluster);
      const view = there!.view(large);
      const lines = told(view);
      here!.set('a', 11).set('b', 12);
      await settle(cluster);
      expect(lines).toEqual(['new "a" 11 -, new "b" 12 -']);
    });
  });
});

describe('a view of what others wrote', () => {
  it.each([
    ['a table of doubles', { key: 'string', value: 'double' }],
    ['a set', { key: 'string' }],
    ['a table of texts in lww', { key: 'string', value: 'string', mode: 'lww' }],
  ] as const)('of %s shows it, read or told of', async (_, declaration) => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('t', declaration) as (MapTable & SetTable)[];
      await settle(cluster);
      const write = (name: string): unknown =>
        declaration === undefined || !('value' in declaration)
          ? here!.add(name)
          : here!.set(name, declaration.value === 'double' ? 1.5 : 'x');
      const view = there!.view();
      expect(view.size).toBe(0);
      write('a');
      await settle(cluster);
      expect(view.snapshot.map(({ key }) => key)).toEqual(['a']);
      const lines = told(view);
      write('b');
      await settle(cluster);
      expect(view.snapshot.map(({ key }) => key)).toEqual(['a', 'b']);
      expect(lines).toHaveLength(1);
    });
  });

  it.each([0, 1])('that came with a checkpoint shows it, with %i rows of its own before', async (own) => {
    const limits = { maxMemoryLogBytes: 2000 };
    await withCluster({ size: 2, topology: 'pair', limits }, async (cluster) => {
      await cluster.stop(1);
      const texts = { key: 'string', value: 'string' } as const;
      const here = cluster.node(0).table('t', texts);
      for (let key = 0; key < 400; key++) here.set(`key ${key}`, 'yes');
      // More than a node keeps in memory of its log for peers, so that only a checkpoint is left to send.
      for (let round = 0; round < 3000; round++) {
        here.set('large', `${round} `.padEnd(4000, 'x'));
        if (round % 100 === 0) await cluster.run(1);
      }
      let view: View<string, string> | undefined;
      let lines: string[] = [];
      await cluster.start(1, (started) => {
        const there = started.table('t', texts);
        if (own > 0) there.set('own', 'yes');
        view = there.view({ where: ({ value }) => value === 'yes' });
        lines = told(view);
      });
      await cluster.run(20_000);
      expect(cluster.member(1).events.map(({ code }) => code)).toContain('checkpoint-adopted');
      expect([view?.size, view?.get('key 7')]).toEqual([400 + own, 'yes']);
      expect(lines.join(', ').split(', ').length).toBe(400);
    });
  });
});

describe('a view that ends', () => {
  it('closes with a clear error when a function throws, and the table and other views are unharmed', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const cause = new Error('too large');
      const view = table.view({
        where: ({ value }) => {
          if (value > 100) throw cause;
          return true;
        },
      });
      const other = table.view(large);
      const lines = told(view);
      table.set('a', 11);
      table.set('b', 101);
      expect(lines).toEqual(['new "a" 11 -', 'VIEW_FAILED']);
      const error = errorOf(() => view.snapshot);
      expect(error).toMatchObject({ code: 'VIEW_FAILED', cause, details: { table: 't', key: 'b' } });
      expect(error?.message).toBe('where of a view of t failed at key b: too large');
      expect([...table]).toEqual([
        ['a', 11],
        ['b', 101],
      ]);
      expect(rowsIn(other)).toEqual(['a=11', 'b=101']);
      expect(
        codeOf(() =>
          table.view({
            map: () => {
              throw cause;
            },
          }),
        ),
      ).toBe('VIEW_FAILED');
    });
  });

  it('fails when a function writes to the table, reads a view of it, or answers something else than a boolean', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const other = table.view();
      const writes = table.view({ map: ({ value }) => void (value === 1 && table.set('b', 1)) });
      const lines = told(writes);
      const reads = table.view({ map: () => other.size });
      const answers = table.view({ where: (() => 1) as never });
      table.set('a', 1);
      expect(lines).toEqual(['VIEW_FAILED']);
      expect(errorOf(() => writes.size)?.message).toContain('writes to the table that it reads');
      expect(errorOf(() => reads.size)?.message).toContain('reads a view of table t');
      expect(errorOf(() => answers.size)?.message).toContain('it gave 1, which is no answer');
      expect(rowsIn(other)).toEqual(['a=1', 'b=1']);
    });
  });

  it('costs writes nothing after it is closed, and cannot be read', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      let asked = 0;
      const view = table.view({ where: () => ++asked > 0 });
      const lines = told(view);
      table.set('a', 1);
      view.close();
      view.close();
      table.set('b', 1);
      expect([asked, lines]).toEqual([1, ['new "a" 1 -', 'over']]);
      expect(codeOf(() => view.snapshot)).toBe('CLOSED');
      expect(told(view)).toEqual(['over']);
    });
  });

  it('is over when its node is, and shows the last rows', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const [observed, read] = [table.view(), table.view()];
      const lines = told(observed);
      table.set('a', 1);
      await cluster.stop(0);
      expect([lines, told(read)]).toEqual([['new "a" 1 -', 'over'], ['over']]);
      expect([rowsIn(observed), rowsIn(read)]).toEqual([['a=1'], ['a=1']]);
    });
  });

  it('refuses what is no option', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      expect(errorOf(() => table.view({ filter: 1 } as never))).toMatchObject({ code: 'OPTION_INVALID' });
      expect(errorOf(() => table.view({ where: 1 } as never))?.message).toBe(
        'Option where of a view is a number, and takes a function of one row.',
      );
    });
  });
});

describe('a view whose table forgets removed keys', () => {
  it('goes on with the rows under their new places', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const [table, other] = cluster.declare('t', counts).concat(cluster.node(0).table('o', counts));
      const views = [
        table!.view(),
        table!.view({ orderBy: ({ value }) => value, limit: 2 }),
        table!.view({ groupBy: ({ value }) => value, aggregate: { rows: 'count' } }),
        other!.join(table!, { on: ({ key }) => key }).view({ map: ({ value }) => value.right.value }),
        table!.join(other!, { on: ({ key }) => key }).view({ map: ({ value }) => value.right.value }),
      ];
      for (let key = 0; key < 70_000; key++) table!.set(`gone ${key}`, 1);
      for (const key of ['a', 'b', 'c']) table!.set(key, 1);
      for (let key = 0; key < 70_000; key++) table!.delete(`gone ${key}`);
      table!.set('d', 2);
      other!.set('b', 7).set('d', 8);
      const shown = (): string[] => views.map((view) => rowsIn(view).toSorted().join(' '));
      expect(shown()).toEqual([
        'a=1 b=1 c=1 d=2',
        'a=1 b=1',
        '1={"rows":3} 2={"rows":1}',
        'b=1 d=2',
        'b=7 d=8',
      ]);
      await cluster.run(300_000);
      table!.set('b', 3).delete('a');
      other!.set('d', 9);
      expect(shown()).toEqual([
        'b=3 c=1 d=2',
        'c=1 d=2',
        '1={"rows":1} 2={"rows":1} 3={"rows":1}',
        'b=3 d=2',
        'b=7 d=9',
      ]);
    });
  });
});
