import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TableNode, openLogFile, openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { openNodeOf } from '../../src/node/open-node.ts';

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-beside-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function open(options: Partial<Parameters<typeof openNode>[0]> = {}): Promise<TableNode> {
  const node = await openNode({ id: 'n', ...options });
  onTestFinished(() => node.close());
  return node;
}

const cells = async (asked: Pick<TableNode, 'query'>, sql: string, parameters: unknown[] = []) =>
  (await asked.query(sql, parameters as never)).rows.map((row) => Object.values(row));

test('operations are a table, up to the last write', async () => {
  const node = await open({ directory: temporary() });
  const visits = node.table('visits', {
    key: ['addr', { type: 'int', as: 'exact' }],
    value: 'count',
    backend: 'sqlite',
  });
  const names = node.table('names', { key: 'string', value: 'record', complexValues: true });
  visits.set(['10.0.0.1', -(2n ** 63n)], 5_000_000_000);
  names.set('a', { of: 1 });
  const asked = 'SELECT position, table_name, sequence, kind, key, value FROM operations ORDER BY position';
  const first = [
    [1, 'visits', 1, 'set', '["10.0.0.1","-9223372036854775808"]', 5_000_000_000],
    [2, 'names', 1, 'set', 'a', '{"of":1}'],
  ];
  expect(await cells(node, asked)).toEqual(first);
  visits.clear();
  names.delete('a');
  expect(await cells(node, asked)).toEqual([
    ...first,
    [3, 'visits', 2, 'clear', null, null],
    [4, 'names', 2, 'delete', 'a', null],
  ]);
  expect(await cells(node, 'SELECT origin, time > 1000000000000 FROM operations WHERE position = 4')).toEqual(
    [[expect.stringMatching(/^n@/), 1]],
  );
});

test('_position says which operation of the log wrote a row, of every table and backend', async () => {
  const node = await open({ directory: temporary() });
  const visits = node.table('visits', { key: 'int', value: 'count', backend: 'sqlite' });
  const others = node.table('others', { key: 'int', value: 'count' });
  for (let value = 0; value < 300; value++) (value % 2 === 0 ? visits : others).set(value % 10, value);
  const asked =
    'SELECT v.key, v._position, o.value FROM visits v JOIN operations o ON o.position = v._position ORDER BY v.key';
  expect(await cells(node, asked)).toEqual([0, 2, 4, 6, 8].map((key) => [key, 291 + key, 290 + key]));
  expect(await cells(node, 'SELECT max(_position), min(_position) FROM others')).toEqual([[300, 292]]);
  others.set(1, 7);
  expect(await cells(node, 'SELECT max(_position) FROM others')).toEqual([[301]]);
  expect((await node.query('SELECT * FROM others')).columns).not.toContain('_position');
});

test('tables of two moments, and of now, are joined, whichever is read first', async () => {
  const node = await open({ directory: temporary() });
  const visits = node.table('visits', { key: 'int', value: 'count', backend: 'sqlite' });
  for (let value = 1; value <= 9; value++) visits.set(value % 3, value);
  const changed =
    'SELECT n.key, b.value, n.value AS now FROM visits n JOIN visits_at(3) b ON b.key = n.key WHERE n._position > 8';
  expect(await cells(node, changed)).toEqual([[0, 3, 9]]);
  const both = (one: number, other: number): string =>
    `SELECT a.key, a.value, b.value AS b FROM visits_at(${one}) a JOIN visits_at(${other}) b ON b.key = a.key ORDER BY 1`;
  expect(await cells(node, both(4, 5))).toEqual([
    [0, 3, 3],
    [1, 4, 4],
    [2, 2, 5],
  ]);
  expect(await cells(node, `${both(6, 5)} LIMIT 1`)).toEqual([[0, 6, 3]]);
  const failing = 'SELECT abs(-9223372036854775808) FROM visits_at(5) a JOIN visits_at(6) b';
  await expect(node.query(failing)).rejects.toThrow('integer overflow');
  // Nothing of what failed is in the way of what is brought next.
  expect(await cells(node, 'SELECT count(*) FROM operations')).toEqual([[9]]);
  expect(await cells(node, both(7, 8))).toHaveLength(3);
});

test('a table is read as it was at a position, at a time, and at several at once', async () => {
  const node = await open({ directory: temporary() });
  const visits = node.table('visits', { key: 'int', value: 'count', backend: 'sqlite' });
  for (let value = 1; value <= 6; value++) visits.set(value % 3, value);
  visits.delete(0);
  expect(await cells(node, 'SELECT key, value FROM visits_at(4) ORDER BY key')).toEqual([
    [0, 3],
    [1, 4],
    [2, 2],
  ]);
  expect(await cells(node, 'SELECT count(*) FROM visits_at(?)', [0])).toEqual([[0]]);
  const gone = 'SELECT key FROM visits_at(6) EXCEPT SELECT key FROM visits_at(7)';
  expect(await cells(node, gone)).toEqual([[0]]);
  const times =
    "SELECT count(*) AS before, (SELECT count(*) FROM visits_at('2999-01-01T00:00:00+01:00')) AS now FROM visits_at('2000-01-01T00:00:00Z')";
  expect(await cells(node, times)).toEqual([[0, 2]]);
  const every =
    'SELECT n, (SELECT sum(value) FROM visits_at(n)) FROM (SELECT 1 AS n UNION ALL SELECT 3 UNION ALL SELECT 7)';
  expect(await cells(node, every)).toEqual([
    [1, 1],
    [3, 6],
    [7, 9],
  ]);
  const facts = await cells(node, 'SELECT _origin, _sequence, _time FROM visits_at(1)');
  expect(facts).toEqual(
    await cells(node, 'SELECT origin, sequence, time FROM operations WHERE position = 1'),
  );
});

const NO_MOMENTS: readonly (readonly [sql: string, message: RegExp, hint: RegExp])[] = [
  ['SELECT * FROM visits_at', /visits_at takes a moment/, /visits_at\(1200\)/],
  ['SELECT * FROM visits_at(9)', /9 is no moment of this log/, /0 to 1/],
  ['SELECT * FROM visits_at(-1)', /no moment/, /0 to 1/],
  ["SELECT * FROM visits_at('yesterday')", /yesterday is no moment/, /2026-/],
  ["SELECT * FROM visits_at('2026-01-31T12:00:00')", /no moment/, /with a zone/],
];

test('what is no moment is refused, and it is said what one is', async () => {
  const node = await open();
  node.table('visits', { key: 'int' }).add(1);
  for (const [sql, message, hint] of NO_MOMENTS)
    await expect(node.query(sql)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
});

test('a query reads 16 moments, and no more', async () => {
  const node = await open();
  const table = node.table('t', { key: 'int' });
  for (let key = 1; key <= 20; key++) table.add(key);
  const asked = (count: number): string =>
    `WITH RECURSIVE n(p) AS (SELECT 1 UNION ALL SELECT p + 1 FROM n WHERE p < ${count}) SELECT p, (SELECT count(*) FROM t_at(p)) FROM n`;
  expect(await cells(node, asked(16))).toEqual(Array.from({ length: 16 }, (_, at) => [at + 1, at + 1]));
  await expect(node.query(asked(17))).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
    details: { name: 'MAX_BROUGHT' },
  });
  expect(await cells(node, 'SELECT count(*) FROM t_at(18)')).toEqual([[18]]);
});

test('peers, divergence and conflicts are tables', async () => {
  const one = await open({ id: 'one', listen: { port: 0 } });
  const declaration = { key: 'string', value: 'string' } as const;
  const here = one.table('t', declaration);
  const address = (one as TableNode & { address: string }).address;
  const asked = 'SELECT node_id, state, direction, sent_operations FROM peers';
  expect(await cells(one, asked)).toEqual([]);
  here.set('k', 'of one');
  const two = await open({ id: 'two', peers: [address] });
  const there = two.table('t', declaration);
  there.set('k', 'of two');
  const conflict = new Promise((resolve) => here.conflicts.subscribe(resolve));
  const diverged = new Promise<void>((resolve) =>
    here.divergence.subscribe((keys) => keys.length > 0 && resolve()),
  );
  await conflict;
  const [peer] = await cells(one, asked);
  expect(peer?.slice(0, 3)).toEqual(['two', 'connected', 'accepted']);
  expect(
    await cells(one, 'SELECT table_name, key, kept, lost, kept_origin <> lost_origin FROM conflicts'),
  ).toEqual([['t', 'k', 'of two', 'of one', 1]]);
  await diverged;
  expect(
    await cells(one, 'SELECT table_name, key, peer, here, there, here_origin LIKE ? FROM divergence', [
      'two@%',
    ]),
  ).toEqual([['t', 'k', 'two', 'of two', 'of one', 1]]);
});

test('a table of the user keeps its name; what has the same is named otherwise', async () => {
  const node = await open();
  node.table('Operations', { key: 'int' }).add(7);
  node.table('t', { key: 'int' }).add(1);
  node.table('t_at', { key: 'int' }).add(2);
  expect(await cells(node, 'SELECT key FROM operations')).toEqual([[7]]);
  expect(await cells(node, 'SELECT key, _position FROM t_at')).toEqual([[2, 3]]);
  expect(await cells(node, 'SELECT count(*) FROM tablecast_operations')).toEqual([[3]]);
  expect(await cells(node, 'SELECT key FROM tablecast_t_at(2)')).toEqual([[1]]);
});

test('of a file the log and its past are asked, and no peers', async () => {
  const directory = temporary();
  const node = await open({ directory });
  const visits = node.table('visits', { key: 'int', value: 'count', backend: 'sqlite' });
  visits.set(1, 1);
  visits.set(1, 2);
  await node.close();
  const file = await openLogFile(join(directory, 'n.tablecast.db'));
  onTestFinished(() => file.close());
  expect(await cells(file, 'SELECT value FROM visits_at(1)')).toEqual([[1]]);
  expect(await cells(file, 'SELECT count(*), (SELECT max(_position) FROM visits) FROM operations')).toEqual([
    [2, 2],
  ]);
  await expect(file.query('SELECT * FROM peers')).rejects.toMatchObject({ code: 'OPTION_INVALID' });
});

test('a log that was trimmed tells what it has, and that it does not reach back', async () => {
  const options = { id: 'n', directory: temporary(), retention: { operations: 100 } };
  const node = await openNodeOf(options, { checkpointAfter: 64 });
  onTestFinished(() => node.close());
  const visits = node.table('visits', { key: 'int', value: 'count', backend: 'sqlite' });
  const first = async (): Promise<number> =>
    Number((await cells(node, 'SELECT min(position) FROM operations'))[0]?.[0] ?? 1);
  for (let value = 0; (await first()) === 1; value++) {
    for (let key = 0; key < 3000; key++) visits.set(key % 7, value);
    await node.flush();
    expect(await cells(node, 'SELECT count(DISTINCT _position) FROM visits')).toEqual([[7]]);
  }
  await expect(node.query('SELECT * FROM visits_at(1)')).rejects.toMatchObject({ code: 'LOG_TRIMMED' });
});

test('tablesOnly leaves out what is beside the tables', async () => {
  const node = await open();
  node.table('t', { key: 'int' }).add(1);
  await expect(node.query('SELECT * FROM operations', [], { tablesOnly: true })).rejects.toMatchObject({
    message: expect.stringContaining('no such table: operations') as string,
  });
});
