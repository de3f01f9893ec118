import { type TableNode, openNode } from 'tablecast';
import { expect, onTestFinished, test, vi } from 'vitest';
import { RequestBudget } from '../../src/http/request-budget.ts';
import { httpLimits } from '../../src/http/limits.ts';
import { ask, openWithHttp } from './support.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const counts = { key: 'string', value: 'int', mode: 'lww' } as const;
const UNDO = '/v1/tables/counts/undo';

/** A node with a table in which a worker wrote behind a position. */
async function opened(options: Parameters<typeof openWithHttp>[0] = {}) {
  const node = await openWithHttp({ listen: { port: 0 }, ...options });
  const table = node.table('counts', counts).set('a', 1).set('b', -1).set('mine', 1);
  const worker = await openNode({ id: 'worker', peers: [(node as TableNode & { address: string }).address] });
  onTestFinished(() => worker.close());
  const there = worker.table('counts', counts);
  await vi.waitFor(() => expect(there.size).toBe(3), PATIENCE_MS);
  const { position } = node.log;
  there.set('a', 7).set('c', 7).set('mine', 7).delete('b');
  await vi.waitFor(() => expect(Object.fromEntries(table)).toEqual({ a: 7, c: 7, mine: 7 }), PATIENCE_MS);
  table.set('mine', 9);
  return { node, table, position };
}

test('an undo shows what it would write, page by page, and writes it', async () => {
  const { node, table, position } = await opened();
  const query = `?origin=worker&position=${position}`;
  const { json } = await ask(node.url, UNDO + query);
  const byKey = (one: unknown, other: unknown): number =>
    (one as { key: string }).key < (other as { key: string }).key ? -1 : 1;
  expect({ ...json, writes: (json['writes'] as unknown[]).toSorted(byKey) }).toEqual({
    writes: [
      { key: 'a', kind: 'set', value: 1 },
      { key: 'b', kind: 'set', value: -1 },
      { key: 'c', kind: 'delete' },
    ],
    kept: 1,
    total: 3,
  });
  const first = await ask(node.url, `${UNDO}${query}&limit=2`);
  const second = await ask(node.url, String(first.json['next']));
  expect([...(first.json['writes'] as unknown[]), ...(second.json['writes'] as unknown[])]).toEqual(
    json['writes'],
  );
  expect(table.get('a')).toBe(7);
  const body = { origin: 'worker', since: { position } };
  const done = await ask(node.url, UNDO, { method: 'POST', body });
  expect([done.status, done.json]).toEqual([200, { keys: 3, kept: 1 }]);
  expect(Object.fromEntries(table)).toEqual({ a: 1, b: -1, mine: 9 });
  expect((await ask(node.url, UNDO, { method: 'POST', body })).json).toMatchObject({ keys: 0 });
});

test('an undo takes the right to write, also to be looked at, and says what it lacks', async () => {
  const credentials = [
    { name: 'reads', token: 'reads', nodes: ['*'], write: [] },
    { name: 'writes', token: 'writes', nodes: ['*'] },
  ];
  const node = await openWithHttp({ auth: { credentials } });
  const table = node.table('counts', counts).set('a', 1);
  const at = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  const body = { origin: 'm', since: { position: 0 } };
  const preview = `${UNDO}?origin=m&position=0`;
  const refused = [
    await ask(node.url, preview, at('reads')),
    await ask(node.url, UNDO, { ...at('reads'), method: 'POST', body }),
  ];
  expect(refused.map(({ status }) => status)).toEqual([403, 403]);
  expect((await ask(node.url, preview, at('writes'))).json).toMatchObject({ total: 1 });
  const wrong = [
    `${UNDO}?position=0`,
    `${UNDO}?origin=m`,
    `${UNDO}?origin=m&position=0&time=0`,
    `${UNDO}?origin=m&position=-1`,
  ].map((path) => ask(node.url, path, at('writes')));
  for (const answer of await Promise.all(wrong)) expect(answer.status).toBe(400);
  for (const bad of [
    {},
    { origin: 'm' },
    { origin: 'm', since: {} },
    { origin: '', since: { time: 1 } },
    { ...body, x: 1 },
  ]) {
    const answer = await ask(node.url, UNDO, { ...at('writes'), method: 'POST', body: bad });
    expect([bad, answer.status]).toEqual([bad, 400]);
  }
  expect([...table]).toEqual([['a', 1]]);
});

test('what an undo wrote is owed: the next write of that holder waits for it', async () => {
  const { node, position } = await opened({ http: { port: 0, limits: { maxWritesPerSecond: 2 } } });
  const body = { origin: 'worker', since: { position } };
  expect((await ask(node.url, UNDO, { method: 'POST', body })).status).toBe(200);
  const next = await ask(node.url, '/v1/tables/counts/rows/x', { method: 'PUT', body: { value: 1 } });
  expect([next.status, next.json['code']]).toEqual([429, 'TOO_MANY']);
  // To the operation: 2 a second, of which the request took 1 and what it wrote 3.
  let now = 0;
  const budget = new RequestBudget(httpLimits({ maxWritesPerSecond: 2 }), () => now);
  budget.write({ holder: 'one' }, 1);
  budget.owe({ holder: 'one' }, 3);
  now = 1499;
  expect(() => budget.write({ holder: 'one' }, 1)).toThrow('More than 2');
  now = 1500;
  budget.write({ holder: 'one' }, 1);
});
