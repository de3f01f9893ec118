import { describe, expect, test } from 'vitest';
import { MAX_WAITING } from '../../src/http/limits.ts';
import { Recent } from '../../src/http/past/recent.ts';
import { ask, newDirectory, openWithHttp } from './support.ts';

const declaration = { key: 'string', value: 'count' } as const;

/** The entries of all pages of a list, one entry a page; `between` is done behind each. */
async function paged(url: string, path: string, of: string, between: () => void): Promise<unknown[]> {
  const entries: unknown[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const { json, status } = await ask(url, next);
    expect([next, status]).toEqual([next, 200]);
    entries.push(...(json[of] as unknown[]));
    next = json['next'] as string | undefined;
    between();
  }
  return entries;
}

describe('Pages of what was are of one position, whatever is written meanwhile', () => {
  test.each([
    ['the difference to now', '/v1/tables/t/diff?from=0&limit=1', 'changes'],
    ['the rows at a position that is still to come', '/v1/tables/t/at?position=900000&limit=1', 'rows'],
    ['the rows at a time that is still to come', `/v1/tables/t/at?time=4000000000000&limit=1`, 'rows'],
  ])('%s', async (_, path, of) => {
    const node = await openWithHttp();
    const table = node.table('t', declaration);
    const keys = ['a', 'b', 'c', 'd', 'e'];
    for (const key of keys) table.set(key, 1);
    let round = 0;
    const entries = await paged(node.url, path, of, () => {
      table.delete(keys[round] as string);
      table.set(`new ${round++}`, 1);
    });
    expect(entries.map((entry) => (entry as { key: string }).key)).toEqual(keys);
  });

  test('the history of a key', async () => {
    const node = await openWithHttp();
    const table = node.table('t', declaration);
    for (let value = 1; value <= 4; value++) table.set('k', value);
    const entries = await paged(node.url, '/v1/tables/t/rows/k/history?limit=1', 'operations', () => {
      table.set('k', 9);
    });
    expect(entries.map((entry) => (entry as { value: number }).value)).toEqual([1, 2, 3, 4]);
  });
});

test('the position of a time is the last of its table, also where another store has fewer', async () => {
  const node = await openWithHttp({ directory: newDirectory() });
  node.table('kept', { ...declaration, backend: 'sqlite' }).set('k', 1);
  await node.flush();
  const table = node.table('t', declaration);
  for (let value = 2; value <= 10; value++) table.set('k', value);
  await node.flush();
  const at = await ask(node.url, '/v1/tables/t/at?time=4000000000000');
  expect(at.json).toMatchObject({ position: 10, rows: [{ key: 'k', value: 10 }] });
});

describe('Results that are dear to make', () => {
  /** Something that ends when it is told to. */
  function held(): { made: () => Promise<number>; end: () => void; running: () => number } {
    let running = 0;
    const ends: (() => void)[] = [];
    const made = async (): Promise<number> => {
      running++;
      await new Promise<void>((resolve) => ends.push(resolve));
      return --running;
    };
    return { made, running: () => running, end: () => ends.splice(0).forEach((end) => end()) };
  }

  test('are made so many at a time, and one more than may wait is refused', async () => {
    const recent = new Recent<number>(4, 60_000);
    const { made, running, end } = held();
    const asked = Array.from({ length: 4 + MAX_WAITING }, (_, n) => recent.of(() => String(n), made));
    await expect(recent.of(() => 'one more', made)).rejects.toMatchObject({ code: 'TOO_MANY' });
    let most = 0;
    for (let left = asked.length; left > 0;) {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, running());
      left -= running();
      end();
    }
    await Promise.all(asked);
    expect(most).toBe(4);
    recent.close();
  });

  test('of one name are made once, also for those that waited', async () => {
    const recent = new Recent<number>(1, 60_000);
    const { made, end } = held();
    let count = 0;
    const counted = (): Promise<number> => {
      count++;
      return made();
    };
    const asked = Promise.all(['a', 'b', 'b'].map((name) => recent.of(() => name, counted)));
    for (let turn = 0; turn < 2; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      end();
    }
    await asked;
    expect(count).toBe(2);
    recent.close();
  });
});

describe('A list of many rows', () => {
  const COUNT = 60_000;

  test('is of one position, although it is copied while rows are written, removed and added', async () => {
    const node = await openWithHttp();
    const table = node.table('t', declaration);
    for (let n = 0; n < COUNT; n++) table.set(`k${n}`, n);
    let round = 0;
    const made = new AbortController();
    const writing = (async () => {
      for (; !made.signal.aborted; round++) {
        table.set(`k${(round * 7919) % COUNT}`, round);
        table.delete(`k${(round * 104_729) % COUNT}`);
        table.set(`new${round}`, round);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const first = await ask(node.url, '/v1/tables/t/rows?limit=1000');
    made.abort();
    await writing;
    expect(round).toBeGreaterThan(10);
    const keys = (rows: unknown): unknown[] =>
      (rows as { key: string; value: number }[]).map(({ key, value }) => [key, value]);
    const { position } = first.json;
    const past = await ask(node.url, `/v1/tables/t/at?position=${String(position)}&limit=1000`);
    expect(first.json['total']).toBe(past.json['total']);
    expect(keys(first.json['rows'])).toEqual(keys(past.json['rows']));
    const total = first.json['total'] as number;
    for (const after of [total / 2, total - 1000].map(Math.floor)) {
      const page = `limit=1000&after=${after}&position=${String(position)}`;
      const [rows, at] = await Promise.all([
        ask(node.url, `/v1/tables/t/rows?${page}`),
        ask(node.url, `/v1/tables/t/at?${page}`),
      ]);
      expect(keys(rows.json['rows'])).toEqual(keys(at.json['rows']));
    }
  });
});
