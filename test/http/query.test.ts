import { expect, test } from 'vitest';
import { type Answered, ask, newDirectory, openWithHttp } from './support.ts';

test('a query over HTTP gives what the credential may read, as of one position', async () => {
  const credentials = [
    { name: 'reader', token: 'r', nodes: [], read: ['hosts'], write: [] },
    { name: 'nobody', token: 'n', nodes: [], read: [], write: [] },
  ];
  const node = await openWithHttp({ directory: newDirectory(), auth: { token: 't', credentials } });
  node
    .table('hosts', { key: 'addr', value: { type: 'count', as: 'exact' }, backend: 'sqlite' })
    .set('10.0.0.1', 2n ** 64n - 1n);
  node.table('secret', { key: { type: 'int', as: 'exact' } }).add(-(2n ** 63n));
  const query = (token: string, body: unknown): Promise<Answered> =>
    ask(node.url, '/v1/query', { method: 'POST', headers: { authorization: `Bearer ${token}` }, body });
  const found = await query('r', {
    sql: 'SELECT key, value FROM hosts WHERE key = ?',
    parameters: ['10.0.0.1'],
  });
  expect(found.json).toEqual({
    columns: ['key', 'value'],
    rows: [['10.0.0.1', '18446744073709551615']],
    position: node.log.position,
  });
  const names = { sql: "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name" };
  expect((await query('r', names)).json['rows']).toEqual([['hosts'], ['tablecast_projections']]);
  expect((await query('n', names)).json['rows']).toEqual([]);
  const hidden = await query('r', { sql: 'SELECT * FROM secret' });
  expect([hidden.status, hidden.json['code']]).toEqual([400, 'OPTION_INVALID']);
  expect(hidden.json['detail']).toContain('no such table: secret');
  const all = await query('t', { sql: "SELECT key, x'00ff' AS bytes, 1e999 AS most FROM secret" });
  expect(all.json['rows']).toEqual([['-9223372036854775808', '00ff', 'inf']]);
  const least = {
    sql: 'SELECT key FROM secret WHERE key = ?',
    parameters: [{ integer: String(-(2n ** 63n)) }],
  };
  expect((await query('t', least)).json['rows']).toEqual([['-9223372036854775808']]);
  for (const integer of [String(2n ** 63n), '1.5', 1])
    expect((await query('t', { sql: 'SELECT ?', parameters: [{ integer }] })).status).toBe(400);
  const many = await query('t', { sql: 'SELECT 1 AS a UNION ALL SELECT 2', maxRows: 1 });
  expect([many.status, many.json['code']]).toEqual([503, 'LIMIT_EXCEEDED']);
  for (const beyond of [{ maxMs: 10_001 }, { maxRows: 10_001 }, { sql: 1 }, { more: 1 }])
    expect((await query('t', { sql: 'SELECT 1', ...beyond })).status).toBe(400);
  expect((await ask(node.url, '/v1/query', { method: 'POST', body: { sql: 'SELECT 1' } })).status).toBe(401);
});
