import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TypeName } from 'tablecast';
import { ask, newDirectory, openWithHttp } from './support.ts';
import { exactly } from '../../src/schema/exactly.ts';

/** Values of each type at its edges, as a table takes them. */
const EDGES: readonly (readonly [TypeName, readonly unknown[]])[] = [
  ['bool', [true, false]],
  ['count', [0, 2 ** 53 - 1, 2n ** 53n, 2n ** 64n - 1n]],
  ['int', [-(2n ** 63n), -(2 ** 53) + 1, -1, 0, 2n ** 63n - 1n]],
  ['double', [0, -0, 1.5, 5e-324, Number.MAX_VALUE, NaN, Infinity, -Infinity, 2 ** 60]],
  ['string', ['', 'a/b?c#d%e', '__proto__', '\u{f0080}\u{f00ff}', 'line\nbreak\u2028', '😀,;']],
  ['addr', ['10.0.0.1', '2001:db8::1']],
  ['subnet', ['10.0.0.0/8', '2001:db8::/32']],
  ['port', ['80/tcp', '0/unknown']],
  ['time', [0n, 1_700_000_000_123_456_789n, -1n]],
  ['interval', [1n, -(2n ** 62n)]],
  ['enum', ['Notice::LOG']],
  ['pattern', ['/a|b/']],
];

describe('A row over HTTP', () => {
  test.each(EDGES)('of type %s comes back as it was written, to the last bit', async (value, values) => {
    const node = await openWithHttp();
    const table = node.table('t', exactly({ key: 'int', value })) as unknown as Map<number, unknown>;
    for (const [index, one] of values.entries()) {
      table.set(index, one);
      const read = await ask(node.url, `/v1/tables/t/rows/${index}`);
      const form = { value: read.json['value'] };
      const written = await ask(node.url, `/v1/tables/t/rows/${index + 100}`, { method: 'PUT', body: form });
      expect(written.status).toBe(200);
      expect(Object.is(table.get(index + 100), table.get(index))).toBe(true);
    }
  });

  test.each(EDGES.filter(([type]) => type !== 'pattern'))(
    'is found by a key of type %s in the path, and in the query',
    async (key, keys) => {
      const node = await openWithHttp();
      const single = node.table('single', { key: key as 'string', value: 'count' }) as unknown as Map<
        unknown,
        number
      >;
      const pair = node.table('pair', {
        key: [key as 'string', 'string'],
        value: 'count',
      }) as unknown as Map<unknown, number>;
      for (const [index, one] of keys.filter((edge) => !Number.isNaN(edge)).entries()) {
        single.set(one, index);
        pair.set([one, 'x,y/%'], index);
      }
      const text = (form: unknown): string => (typeof form === 'string' ? form : JSON.stringify(form));
      for (const name of ['single', 'pair']) {
        const { json } = await ask(node.url, `/v1/tables/${name}/rows`);
        for (const row of json['rows'] as { key: unknown; value: number }[]) {
          const columns = (name === 'pair' ? (row.key as unknown[]) : [row.key]).map(text);
          const path = columns.map(encodeURIComponent).join(',');
          const query = new URLSearchParams(
            columns.map((column): [string, string] => ['key', column]),
          ).toString();
          for (const where of [`rows/${path}`, `row?${query}`]) {
            const found = await ask(node.url, `/v1/tables/${name}/${where}`);
            expect([where, found.json['value']]).toEqual([where, row.value]);
          }
        }
      }
    },
  );

  test('keeps values of JSON as they are, whatever names stand in them', async () => {
    const node = await openWithHttp();
    const table = node.table('t', { key: 'string', value: 'any', complexValues: true });
    const body = '{"value":{"__proto__":{"a":1},"constructor":[1,null,"é"],"n":-1.5e300}}';
    expect((await ask(node.url, '/v1/tables/t/rows/k', { method: 'PUT', body })).status).toBe(200);
    expect(JSON.stringify(table.get('k'))).toBe(
      JSON.stringify((JSON.parse(body) as { value: unknown }).value),
    );
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
    expect((await ask(node.url, '/v1/tables/t/rows/k')).text).toContain('"__proto__":{"a":1}');
  });

  test('is refused with a number that reading would change', async () => {
    const node = await openWithHttp();
    node.table('t', { key: 'string', value: 'any', complexValues: true });
    const body = '{"value":[9007199254740993]}';
    const refused = await ask(node.url, '/v1/tables/t/rows/k', { method: 'PUT', body });
    expect(refused).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } });
    expect(refused.json['detail']).toContain('9007199254740993');
  });

  test('has an entity tag, with which a write is made only if nothing came between', async () => {
    const node = await openWithHttp();
    const table = node.table('t', { key: 'string', value: 'count' });
    const path = '/v1/tables/t/rows/k';
    const made = await ask(node.url, path, {
      method: 'PUT',
      body: { value: 1 },
      headers: { 'if-none-match': '*' },
    });
    const { etag = '' } = made.headers;
    expect(etag).toMatch(/^"m@[0-9a-z]+\/1"$/);
    expect((await ask(node.url, path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    expect(
      (await ask(node.url, path, { method: 'PUT', body: { value: 9 }, headers: { 'if-none-match': '*' } }))
        .status,
    ).toBe(412);
    table.set('k', 2);
    for (const [method, under] of [
      ['PUT', ''],
      ['DELETE', ''],
      ['POST', '/increment'],
    ] as const) {
      const body = method === 'PUT' ? { value: 9 } : method === 'POST' ? { by: 1 } : undefined;
      const refused = await ask(node.url, path + under, {
        method,
        headers: { 'if-match': etag },
        ...(body && { body }),
      });
      expect(refused).toMatchObject({ status: 412, json: { code: 'ROW_DIFFERS' } });
    }
    expect(table.get('k')).toBe(2);
    const { headers } = await ask(node.url, path);
    const added = await ask(node.url, `${path}/increment`, {
      method: 'POST',
      headers: { 'if-match': headers.etag ?? '' },
    });
    expect(added.json).toMatchObject({ value: 3, durable: false });
  });

  test('answered with wait=durable is there after the process is gone', async () => {
    const directory = newDirectory();
    const node = await openWithHttp({ directory });
    node.table('t', { key: 'string', value: 'count', backend: 'sqlite' });
    const headers = { prefer: 'wait=durable' };
    const written = await ask(node.url, '/v1/tables/t/rows/k', {
      method: 'PUT',
      body: { value: 1 },
      headers,
    });
    expect(written).toMatchObject({
      headers: { 'preference-applied': 'wait=durable' },
      json: { durable: true },
    });
  });

  test('HEAD answers what GET does, without the body', async () => {
    const node = await openWithHttp();
    node.table('t', { key: 'string', value: 'count' }).set('k', 1);
    const get = await ask(node.url, '/v1/tables/t/rows/k');
    const head = await ask(node.url, '/v1/tables/t/rows/k', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers['etag']).toBe(get.headers['etag']);
    expect((await ask(node.url, '/v1/log', { method: 'HEAD' })).headers['content-type']).toContain(
      'text/event-stream',
    );
  });
});

describe('A batch over HTTP', () => {
  test('is written whole or not at all', async () => {
    const node = await openWithHttp();
    const one = node.table('one', { key: 'string', value: { type: 'count', as: 'exact' } });
    const two = node.table('two', { key: 'string' });
    const write = (operations: unknown[]) =>
      ask(node.url, '/v1/batch', { method: 'POST', body: { operations } });
    const good = [
      { table: 'one', kind: 'set', key: 'a', value: 1 },
      { table: 'one', kind: 'increment', key: 'a', by: '9007199254740993' },
      { table: 'two', kind: 'set', key: 'x' },
    ];
    expect((await write(good)).json).toEqual({ operations: 3, durable: false });
    expect(one.get('a')).toBe(9_007_199_254_740_994n);
    for (const bad of [
      { table: 'one', kind: 'set', key: 'b', value: -1 },
      { table: 'one', kind: 'set', key: 'a', value: 1, ifNoneMatch: '*' },
      { table: 'none', kind: 'clear' },
      { table: 'two', kind: 'set', key: 'y', value: 1 },
    ]) {
      const refused = await write([{ table: 'one', kind: 'set', key: 'c', value: 1 }, bad]);
      expect(refused.status).toBeGreaterThanOrEqual(400);
      expect(refused.json).toMatchObject({
        code: expect.any(String) as string,
        hint: expect.any(String) as string,
      });
    }
    expect([...one.keys(), ...two.keys()]).toEqual(['a', 'x']);
  });
});

describe('Rows page by page', () => {
  test('are those of one position, whatever is written meanwhile', async () => {
    const node = await openWithHttp();
    const table = node.table('t', { key: 'string', value: 'count' });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string({ maxLength: 4 }), fc.nat()), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        async (rows, limit) => {
          table.clear();
          for (const [key, value] of rows) table.set(key, value);
          const expected = [...table];
          const read: unknown[] = [];
          let next: string | undefined = `/v1/tables/t/rows?limit=${limit}`;
          for (let page = 0; next !== undefined; page++) {
            const { json } = await ask(node.url, next);
            for (const row of json['rows'] as { key: unknown; value: unknown }[])
              read.push([row.key, row.value]);
            next = json['next'] as string | undefined;
            table.set(`new-${page}`, page);
            table.delete(expected[0]?.[0] ?? '');
          }
          expect(read).toEqual(expected);
        },
      ),
      { numRuns: 25, seed: 12_063 },
    );
  });
});

test('a touch prolongs a row without its value, makes none, and is refused where rows do not expire so', async () => {
  const node = await openWithHttp();
  node.table('lived', { key: 'string', value: 'count', writeExpire: '1h' }).set('k', 7);
  node.table('forever', { key: 'string', value: 'count' }).set('k', 7);
  const touch = (table: string, key: string) =>
    ask(node.url, `/v1/tables/${table}/rows/${key}/touch`, { method: 'POST' });
  const found = await touch('lived', 'k');
  expect([found.status, found.json]).toMatchObject([200, { key: 'k', value: 7, sequence: 1 }]);
  expect((await touch('lived', 'other')).status).toBe(404);
  expect((await touch('forever', 'k')).status).toBe(400);
  const history = await ask(node.url, '/v1/tables/lived/rows/k/history');
  expect((history.json as { operations: { kind: string }[] }).operations.map(({ kind }) => kind)).toEqual([
    'set',
    'touch',
  ]);
});
