/** What users give to views that is wrong, or at the edge of what is right. */
import { describe, expect, it } from 'vitest';
import type { View } from '../../src/index.ts';
import { codeOf, counts, errorOf, withCluster } from '../conformance/fixture.ts';
import { rowsIn, told } from './support.ts';

const doubles = { key: 'string', value: 'double' } as const;

/** Calls as JavaScript does, which no compiler has looked at. */
type Untyped = (...given: readonly unknown[]) => View;

const ORDER = 'a function of one row, { descending: function }, or a list of these';

describe('options of a view that are none', () => {
  it.each<readonly [string, unknown, string]>([
    ['null', null, 'The options of a view have to be an object, and are null.'],
    ['a list', [], 'The options of a view have to be an object, and are an empty list.'],
    [
      'a function in place of an object',
      () => true,
      'The options of a view have to be an object, and are a function.',
    ],
    ['a name that is not there', { filter: () => true }, 'Option filter of a view is not an option.'],
    ['a limit without an order', { limit: 3 }, 'A view has a limit and no order.'],
    [
      'a limit of nothing',
      { limit: 0, orderBy: () => 1 },
      'Option limit of a view is 0, and takes a whole number from 1.',
    ],
    [
      'a limit beyond all numbers',
      { limit: Infinity, orderBy: () => 1 },
      'Option limit of a view is Infinity, and takes a whole number from 1.',
    ],
    [
      'a limit that is a text',
      { limit: '3', orderBy: () => 1 },
      'Option limit of a view is a text, and takes a whole number from 1.',
    ],
    ['an order by name', { orderBy: 'value' }, `Option orderBy of a view is a text, and takes ${ORDER}.`],
    [
      'an order that compares',
      { orderBy: { by: () => 1 } },
      `Option orderBy of a view is an object, and takes ${ORDER}.`,
    ],
    [
      'an aggregate by name',
      { aggregate: 'count' },
      'Option aggregate of a view is a text, and takes an object of aggregates by name.',
    ],
    [
      'an aggregate that is not there',
      { aggregate: { x: 'median' } },
      "Option aggregate.x of a view is no aggregate: it takes 'count', { sum }, { avg }, { min } or { max }.",
    ],
  ])('%s: the error says what, and what to do', async (_, options, message) => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const error = errorOf(() => (table.view as Untyped)(options));
      expect([error?.code, error?.message]).toEqual(['OPTION_INVALID', message]);
      expect(error?.hint.length).toBeGreaterThan(10);
    });
  });

  it.each<readonly [string, unknown, string]>([
    ['no options', undefined, 'The options of a join have to be an object with on, and are left out.'],
    ['a function', () => 'a', 'The options of a join have to be an object with on, and are a function.'],
    [
      'no key of the other table',
      {},
      'Option on of a join is missing: it takes a function that gives the key in the other table.',
    ],
    [
      'a name that is not there',
      { on: () => 'a', where: () => true },
      'Option where of a join is not an option.',
    ],
  ])('a join with %s', async (_, options, message) => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const error = errorOf(() => (table.join as unknown as Untyped)(table, options));
      expect([error?.code, error?.message]).toEqual(['OPTION_INVALID', message]);
    });
  });
});

describe('functions of a view that give what is no answer', () => {
  it.each<readonly [string, unknown, string]>([
    ['a promise from map', { map: async () => 1 }, 'map of a view of t failed at key a: it gave a promise'],
    ['an object to order by', { orderBy: () => ({}) }, 'it gave an object'],
    ['a date to order by', { orderBy: () => new Date(0) }, 'it gave a Date (use its getTime())'],
    ['a list to order by', { orderBy: () => [1, 2] }, 'it gave a list'],
    ['an object to group by', { groupBy: () => ({}) }, 'it gave an object'],
    ['a text to sum up', { aggregate: { s: { sum: () => 'x' } } }, 'sum of s was given a string'],
    ['null as where', { where: () => null }, 'it gave null'],
  ])('%s: opening says which function, which key and what it gave', async (_, options, message) => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      table.set('a', 1);
      const error = errorOf(() => (table.view as Untyped)(options));
      expect(error?.code).toBe('VIEW_FAILED');
      expect(error?.message).toContain(message);
      table.set('a', 2);
      expect(table.get('a')).toBe(2);
    });
  });

  it('what throws at opening takes no place among the views', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      table.set('a', 1);
      const map = (): never => {
        throw new Error('no');
      };
      const codes = new Set(Array.from({ length: 1025 }, () => codeOf(() => table.view({ map }))));
      expect([...codes]).toEqual(['VIEW_FAILED']);
    });
  });
});

describe('a function of a view that writes', () => {
  it('while the view opens, ends it, and what it wrote is told by other views', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      table.set('a', 1);
      const other = table.view();
      const lines = told(other);
      const where = (): boolean => {
        table.set('b', 2);
        return true;
      };
      const error = errorOf(() => table.view({ where }));
      expect([error?.code, error?.message]).toEqual([
        'VIEW_FAILED',
        'A function of a view of t writes to the table that it reads.',
      ]);
      expect([rowsIn(other), lines]).toEqual([['a=1', 'b=2'], ['new "b" 2 -']]);
    });
  });
});

describe('orders at the edge', () => {
  it('put NaN behind all numbers, and rows without an order key behind everything', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', doubles);
      const keys = [undefined, NaN, 1, -Infinity, null, Infinity, -0, 'x', true, 5n];
      for (const index of keys.keys()) table.set(`${index}`, index);
      const by = ({ value }: { readonly value: number }) => keys[value];
      const ordered = table.view({ orderBy: by }).snapshot.map(({ value }) => keys[value]);
      expect(ordered).toEqual([true, -Infinity, -0, 1, 5n, Infinity, NaN, 'x', undefined, null]);
      const turned = table.view({ orderBy: { descending: by } }).snapshot.map(({ value }) => keys[value]);
      expect(turned).toEqual([undefined, null, 'x', NaN, Infinity, 5n, 1, -0, -Infinity, true]);
    });
  });

  it('by a function that gives something else each time keep what it gave when the row came', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', doubles);
      let asked = 0;
      const given = new Map<string, number>();
      const view = table.view({
        orderBy: ({ key }) => {
          const at = (asked++ * 7919) % 101;
          given.set(key, at);
          return at;
        },
        limit: 5,
      });
      for (let step = 0; step < 2000; step++) {
        const key = `k${(step * 31) % 40}`;
        if (step % 5 === 4) {
          table.delete(key);
          given.delete(key);
        } else table.set(key, step);
        const first = view.snapshot.map(({ key: shown }) => given.get(shown));
        expect(first).toEqual(
          Array.from(given.values())
            .toSorted((one, other) => one - other)
            .slice(0, 5),
        );
      }
    });
  });

  it('take the largest limit there is, and show all rows', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const view = table.view({ orderBy: ({ value }) => value, limit: Number.MAX_SAFE_INTEGER });
      const lines = told(view);
      table.set('a', 2).set('b', 1);
      table.delete('a');
      expect([rowsIn(view), lines]).toEqual([['b=1'], ['new "a" 2 -', 'new "b" 1 -', 'removed "a" - 2']]);
    });
  });
});

describe('groups at the edge', () => {
  it('tell a list from the text that looks like it, and both from what stands for them', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const like = '[["string","a"]]';
      const keys = [
        ['a'],
        like,
        JSON.stringify(like),
        ['a', 'b'],
        ['a,b'],
        [like],
        NaN,
        'NaN',
        1,
        '1',
        1n,
        [1],
        ['1'],
      ];
      for (const index of keys.keys()) table.set(`${index}`, index);
      const view = table.view({ groupBy: ({ value }) => keys[value], aggregate: { rows: 'count' } });
      expect(view.snapshot.map(({ key, value }) => [key, value.rows])).toEqual(keys.map((key) => [key, 1]));
      expect(keys.map((key) => view.get(key)?.rows)).toEqual(keys.map(() => 1));
      table.clear();
      expect(view.snapshot).toEqual([]);
    });
  });
});

describe('the end of a view', () => {
  it('may come twice, in a subscriber, and inside of a function of its own', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const view = table.view();
      view.differences.subscribe(() => view.close());
      const lines = told(view);
      const inside: View = table.view({
        where: ({ value }) => {
          if (value === 2) inside.close();
          return true;
        },
      });
      const other = told(inside);
      table.set('a', 1);
      table.set('b', 2);
      view.close();
      inside.close();
      expect([codeOf(() => view.size), codeOf(() => inside.snapshot)]).toEqual(['CLOSED', 'CLOSED']);
      expect([lines.at(-1), other]).toEqual(['over', ['new "a" 1 -', 'over']]);
      table.set('c', 3);
      expect(table.size).toBe(3);
    });
  });

  it('is told at once to who subscribes after it: over, or what failed', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const view = table.view();
      view.close();
      expect(told(view)).toEqual(['over']);
      const failing = table.view({
        where: () => {
          throw new Error('no');
        },
      });
      table.set('a', 1);
      expect([told(failing), told(failing)]).toEqual([['VIEW_FAILED'], ['VIEW_FAILED']]);
      failing.close();
      expect(codeOf(() => failing.size)).toBe('VIEW_FAILED');
    });
  });

  it('of the node ends the stream, and leaves the last rows to be read', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const views = [table.view(), table.view()] as const;
      const lines = told(views[0]);
      table.set('a', 1);
      await cluster.stop(0);
      expect(lines).toEqual(['new "a" 1 -', 'over']);
      expect(views.map((view) => rowsIn(view))).toEqual([['a=1'], ['a=1']]);
      expect(told(views[1])).toEqual(['over']);
    });
  });
});

describe('a subscriber of a view', () => {
  it('that comes late is told what leads on from what it can read', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const table = cluster.node(0).table('t', counts);
      const view = table.view({ orderBy: ({ value }) => value, limit: 1 });
      const early = told(view);
      table.set('a', 5);
      const before = rowsIn(view);
      const late = told(view);
      table.set('b', 4);
      expect([before, early.at(-1), late]).toEqual([
        ['a=5'],
        'new "b" 4 -, removed "a" - 5',
        ['new "b" 4 -, removed "a" - 5'],
      ]);
    });
  });
});
