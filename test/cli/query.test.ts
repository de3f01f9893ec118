import { type NodeOptions, type TableNode, openNode } from 'tablecast';
import { describe, expect, onTestFinished, test } from 'vitest';
import { answerText } from '../../src/cli/query-text.ts';
import { run, temporary } from './support/command.ts';

async function open(
  directory?: string,
  options: Partial<NodeOptions> = {},
): Promise<TableNode & { address: string }> {
  const node = await openNode({ id: 'manager', listen: { port: 0 }, directory, ...options });
  onTestFinished(() => node.close());
  const visits = node.table('visits', {
    key: ['addr', 'port'],
    value: { type: 'count', as: 'exact' },
    backend: directory === undefined ? 'memory' : 'sqlite',
  });
  visits.set(['10.0.0.1', '22/tcp'], 7);
  visits.set(['10.1.0.1', '443/tcp'], 2n ** 62n);
  node.table('names', { key: 'string', value: 'string' }).set('5', 'five, "and" more');
  await node.flush();
  return node as TableNode & { address: string };
}

test('query asks the tables of a running node, with parameters, in every format', async () => {
  const node = await open();
  const ask = (...args: string[]) => run(['query', ...args, '--peer', node.address]);
  const [table, csv, json] = await Promise.all([
    ask('SELECT key_1, value FROM visits WHERE addr_in(?, key_1) AND value > ?', '10.0.0.0/16', '6'),
    ask('SELECT * FROM names WHERE key = ?', '5', '--format', 'csv'),
    ask('SELECT value, key_2, NULL AS empty FROM visits ORDER BY value', '--json'),
  ]);
  expect(table).toMatchObject({ code: 0, stderr: '' });
  expect(table.stdout).toContain('│ key_1    │ value │');
  expect(table.stdout).toContain('│ 10.0.0.1 │     7 │');
  expect(csv).toMatchObject({ code: 0, stderr: '' });
  const lines = csv.stdout.trimEnd().split('\n');
  expect(lines[0]).toBe('key,value,_origin,_sequence,_time');
  expect(lines[1]).toMatch(/^5,"five, ""and"" more",manager@[^,]+,1,\d{13}$/);
  expect(json).toMatchObject({ code: 0, stderr: '' });
  expect(json.stdout).toBe(
    '{"value":7,"key_2":"22/tcp","empty":null}\n{"value":"4611686018427387904","key_2":"443/tcp","empty":null}\n',
  );
});

test('query asks the database of a node that runs, and of one that does not', async () => {
  const directory = temporary();
  const node = await open(directory);
  const from = ['--directory', directory, '--id', 'manager', '--json'];
  const asked = ['query', 'SELECT count(*) AS n FROM visits', ...from];
  expect(await run(asked)).toMatchObject({ code: 0, stdout: '{"n":2}\n' });
  await node.close();
  expect(await run(asked)).toMatchObject({ code: 0, stdout: '{"n":2}\n' });
  const past = ['query', 'SELECT count(*) AS n FROM visits_at(?)', '1', ...from];
  expect(await run(past)).toMatchObject({ code: 0, stdout: '{"n":1}\n' });
});

test('query asks the HTTP port of a node, which has its log and peers', async () => {
  const token = 'a-token-of-thirty-two-characters';
  const node = await open(undefined, { http: { port: 0 }, auth: { token } });
  const ask = (...args: string[]) =>
    run(['query', ...args, '--peer', String(node.httpAddress), '--token', token]);
  const [log, past, big, wrong, stranger] = await Promise.all([
    ask('SELECT table_name, kind, key FROM operations ORDER BY position', '--json'),
    ask('SELECT count(*) AS n FROM visits_at(?)', '1', '--json'),
    ask('SELECT value, key_2, NULL AS empty FROM visits WHERE value = ?', String(2n ** 62n), '--json'),
    ask('SELECT * FROM visit'),
    run(['query', 'SELECT 1', '--peer', String(node.httpAddress)]),
  ]);
  expect(log).toMatchObject({ code: 0, stderr: '' });
  expect(log.stdout.split('\n')[0]).toBe(
    '{"table_name":"visits","kind":"set","key":"[\\"10.0.0.1\\",\\"22/tcp\\"]"}',
  );
  expect(past).toMatchObject({ code: 0, stdout: '{"n":1}\n' });
  expect(big.stdout).toBe('{"value":"4611686018427387904","key_2":"443/tcp","empty":null}\n');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('no such table: visit') });
  expect(stranger).toMatchObject({ code: 3, stderr: expect.stringContaining('credential') });
  await node.close();
  expect(await ask('SELECT 1')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('No node answers'),
  });
});

test('query says what is wrong', async () => {
  const node = await open();
  const ask = (...args: string[]) => run(['query', ...args, '--peer', node.address]);
  const [log, peers, table, write, hidden, pragma, rows, words, time] = await Promise.all([
    ask('SELECT * FROM visits_at(1)'),
    ask('SELECT * FROM peers'),
    ask('SELECT * FROM visit'),
    ask('DELETE FROM visits'),
    ask('WITH gone AS (SELECT 1) DELETE FROM visits'),
    ask('PRAGMA table_info(visits)'),
    ask('SELECT * FROM visits', '--max-rows', '1'),
    ask('SELECT key_1 FROM visits WHERE key_1 = ?'),
    ask('SELECT 1', '--max-time', '11m'),
  ]);
  expect([table, write, hidden, pragma, rows, words, time].map(({ code }) => code)).toEqual([
    2, 2, 2, 2, 4, 2, 2,
  ]);
  expect(log.stderr).toMatch(/visits_at is of the node's log.*\n.*--peer http:\/\/127\.0\.0\.1:PORT.*--file/);
  // A file has no peers.
  expect(peers.stderr).toMatch(/peers is of the node's log.*\n.*--peer http:\/\/127\.0\.0\.1:PORT\.\n/);
  expect(table.stderr).toMatch(
    /no table "visit"\. Did you mean visits\?\nThe tables are: (?:visits, names|names, visits)/,
  );
  expect(write.stderr).toMatch(/begins with SELECT.*\n.*tablecast set, delete or increment/);
  expect(hidden.stderr).toMatch(/\n.*tablecast set, delete or increment/);
  expect(pragma.stderr).toMatch(/begins with SELECT.*\n.*sqlite_schema/);
  expect(rows.stderr).toContain('more than 1 rows');
  expect(words.stderr).toContain('parameter');
  expect(time.stderr).toContain('maxMs');
});

describe('an answer as text', () => {
  const answer = {
    columns: ['host', 'times', 'bytes'],
    rows: [
      { host: '10.0.0.1', times: 7, bytes: new Uint8Array([1, 255]) },
      { host: `a\u001b[31m${'x'.repeat(40)}`, times: null, bytes: new Uint8Array() },
    ],
    position: 1,
  };
  const text = (format: 'table' | 'csv' | 'json', width: number): string =>
    Array.from(answerText(answer, { format, width })).join('');

  test('fits into 200 columns as a table, and into 60 as paragraphs, and steers no terminal', () => {
    const wide = text('table', 200);
    expect(wide).toContain('│ 10.0.0.1                                            │     7 │  01ff │');
    const narrow = text('table', 60);
    expect(narrow.split('\n')).toEqual([
      'host: 10.0.0.1',
      'times: 7',
      'bytes: 01ff',
      '',
      `host: a\\u001b[31m${'x'.repeat(40)}`,
      'times: ',
      'bytes: ',
      '',
    ]);
    expect(wide + narrow + text('json', 60)).not.toContain('\u001b[31m');
  });

  test('has nothing of a table where nothing was found, and the head of a CSV', () => {
    const none = { ...answer, rows: [] };
    expect(Array.from(answerText(none, { format: 'table', width: 60 })).join('')).toBe('');
    expect(Array.from(answerText(none, { format: 'csv', width: 60 }))).toEqual(['host,times,bytes\n']);
  });
});
