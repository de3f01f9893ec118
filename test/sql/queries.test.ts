import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type MapTable, type TableNode, openLogFile, openNode } from 'tablecast';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-query-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const ENDLESS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c';

describe('a node that is asked in SQL', () => {
  let directory: string;
  let node: TableNode;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tablecast-query-test-'));
    node = await openNode({ id: 'n', directory });
    const services = node.table('services', { key: ['addr', 'port'], value: { type: 'count', as: 'exact' } });
    for (let index = 0; index < 300; index++)
      services.set([`10.0.${index % 3}.${index % 250}`, `${index}/tcp`], index);
    services.set(['::1', '443/tcp'], 2n ** 64n - 1n);
    node
      .table('names', { key: 'addr', value: 'record', complexValues: true, backend: 'sqlite' })
      .set('10.0.1.1', {
        name: 'one',
        tags: ['a', 'b'],
      });
    node.table('extremes', { key: { type: 'int', as: 'exact' }, value: 'double' }).set(-(2n ** 63n), 0.5);
    node.table('sqlite_names', { key: 'int' }).add(1);
    node.table('SERVICES', { key: 'int' }).add(1);
  });

  afterAll(async () => {
    await node.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('tables of every backend are there with their columns, exactly, as of the last write', async () => {
    const { columns, rows, position } = await node.query(
      "SELECT s.key_1, s.value, n.value ->> 'name' AS name, json_array_length(n.value, '$.tags') AS tags, s._origin FROM services s JOIN names n ON n.key = '10.0.1.1' WHERE s.key_1 = ? AND s.key_2 = ?",
      ['::1', '443/tcp'],
    );
    expect(columns).toEqual(['key_1', 'value', 'name', 'tags', '_origin']);
    expect(rows).toEqual([
      {
        key_1: '::1',
        value: '18446744073709551615',
        name: 'one',
        tags: 2,
        _origin: expect.stringMatching(/^n@/) as string,
      },
    ]);
    expect(position).toBe(node.log.position);
    const extreme = await node.query('SELECT key, value FROM extremes WHERE key = ?', [-(2n ** 63n)]);
    expect(extreme.rows).toEqual([{ key: -(2n ** 63n), value: 0.5 }]);
    (node.tables.get('extremes') as unknown as MapTable<number, number>).set(7, 1);
    expect((await node.query('SELECT value FROM extremes WHERE key = 7')).rows).toEqual([{ value: 1 }]);
  });

  test('a key is found by its index, and numbers are exact as parameters', async () => {
    const { rows } = await node.query(
      'EXPLAIN QUERY PLAN SELECT value FROM services WHERE key_1 = ? AND key_2 = ?',
      ['a', 'b'],
    );
    expect(JSON.stringify(rows)).toMatch(/SEARCH services USING (?:PRIMARY KEY|INDEX)/);
    expect((await node.query('SELECT typeof(?) AS a, typeof(?) AS b, ? AS c', [1, 1.5, null])).rows).toEqual([
      { a: 'integer', b: 'real', c: null },
    ]);
  });

  test('a table that is declared later is there', async () => {
    node.table('later', { key: 'string' }).add('x');
    expect((await node.query('SELECT key FROM later')).rows).toEqual([{ key: 'x' }]);
  });

  test.each<[string, unknown]>([
    ["addr_in('10.0.0.0/8', '10.1.2.3')", 1],
    ["addr_in('10.0.0.0/8', '11.1.2.3')", 0],
    ["addr_in('10.1.2.0/23', '10.1.3.255')", 1],
    ["addr_in('10.1.2.0/23', '10.1.4.0')", 0],
    ["addr_in('10.0.0.0/8', '10.4.0.0/16')", 1],
    ["addr_in('10.4.0.0/16', '10.0.0.0/8')", 0],
    ["addr_in('0.0.0.0/0', '::1')", 0],
    ["addr_in('2001:db8::/33', '2001:db8:7fff::1')", 1],
    ["addr_in('2001:db8::/33', '2001:db8:8000::1')", 0],
    ["addr_in('no subnet', '10.0.0.1')", null],
    ["addr_in('10.0.0.0/8', NULL)", null],
    ["addr_mask('10.1.255.7', 23)", '10.1.254.0/23'],
    ["addr_mask('10.1.2.3', 0)", '0.0.0.0/0'],
    ["addr_mask('10.1.2.3', 32)", '10.1.2.3/32'],
    ["addr_mask('10.1.2.3', 33)", null],
    ["addr_mask('2001:db8:ffff::1', 33)", '2001:db8:8000::/33'],
    ["addr_order('10.0.0.9') < addr_order('10.0.0.10')", 1],
    ["addr_order('255.0.0.0') < addr_order('::1')", 1],
    ["addr_order('x')", null],
  ])('%s is %s', async (expression, expected) => {
    expect((await node.query(`SELECT ${expression} AS found`)).rows).toEqual([{ found: expected }]);
  });

  test.each<[string, RegExp]>([
    ["INSERT INTO later VALUES ('y')", /begins with SELECT/],
    ["WITH x AS (SELECT 1) INSERT INTO later (key) SELECT 'y' FROM x RETURNING key", /writes nothing/],
    ['PRAGMA query_only = OFF', /begins with SELECT/],
    ["/* SELECT */ ATTACH 'other.db' AS other", /begins with SELECT/],
    ['SELECT 1; SELECT 2', /more than one statement/],
    ['SELECT * FROM nothing_there', /no such table: nothing_there/],
    ['SELECT 1 AS a, 2 AS a', /Two columns have the name a/],
    ["SELECT load_extension('x')", /not authorized|no such function/],
    ['SELECT ?', /[Tt]oo few parameter/],
    ['SELECT * FROM sqlite_names', /no such table/],
    ['', /^Option sql of a query is /],
    ['x'.repeat(65_537), /^Option sql of a query is /],
  ])('%j is refused', async (sql, message) => {
    await expect(node.query(sql)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(/\./) as string,
    });
  });

  test.each<[string, unknown, unknown]>([
    ['parameters', [{}], {}],
    ['parameters', Array(1025).fill(1), {}],
    ['options.maxMs', [], { maxMs: 0 }],
    ['options.maxRows', [], { maxRows: 1_000_001 }],
    ['options.maxBytes', [], { maxBytes: 2 ** 26 + 1 }],
    ['options', [], { more: 1 }],
  ])('%s that are not possible are refused', async (option, parameters, options) => {
    await expect(node.query('SELECT 1', parameters as [], options as object)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining(option) as string,
    });
  });

  test.each<[string, string, object, RegExp]>([
    ['rows', 'SELECT * FROM services', { maxRows: 300 }, /more than 300 rows/],
    ['bytes', "SELECT replace(hex(zeroblob(4)), '0', 'x') AS a", { maxBytes: 15 }, /more than 15 bytes/],
    ['time', ENDLESS, { maxMs: 100 }, /longer than 100 ms/],
    [
      'memory',
      'SELECT group_concat(hex(randomblob(20000000))) AS a FROM services WHERE _sequence < 100',
      { maxMs: 600_000 },
      /too much memory/,
    ],
  ])('a query beyond its %s is ended, and the next one is answered', async (_, sql, options, message) => {
    await expect(node.query(sql, [], options)).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringMatching(message) as string,
    });
    expect((await node.query('SELECT count(*) AS n FROM services')).rows).toEqual([{ n: 301 }]);
  });

  test('an answer at its limits is given', async () => {
    expect((await node.query('SELECT key_1 FROM services', [], { maxRows: 301 })).rows).toHaveLength(301);
    const text = await node.query("SELECT replace(hex(zeroblob(4)), '0', 'x') AS a", [], { maxBytes: 16 });
    expect(text.rows).toEqual([{ a: 'xxxxxxxx' }]);
  });

  test('64 queries wait, one more is refused', async () => {
    const asked = Array.from({ length: 64 }, () => node.query('SELECT 1 AS one'));
    await expect(node.query('SELECT 1')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', retryable: true });
    expect(await Promise.all(asked)).toHaveLength(64);
  });

  test('while a query goes on the node works, and each answer is of one moment', async () => {
    const left = node.table('left', { key: 'int', value: 'int' });
    const right = node.table('right', { key: 'int', value: 'int', backend: 'sqlite' });
    let count = 0;
    const going = { on: true };
    const writing = (async () => {
      while (going.on) {
        left.set(count % 50, count);
        right.set(count % 50, count);
        count++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const seen = new Set<number>();
    while (seen.size < 8) {
      const before = count;
      const { rows } = await node.query(
        'SELECT (SELECT max(value) FROM "left") AS a, (SELECT max(value) FROM "right") AS b, (SELECT sum(value) FROM "left") AS c, (SELECT sum(value) FROM "right") AS d',
      );
      const [{ a, b, c, d } = {}] = rows;
      expect([a, c]).toEqual([b, d]);
      expect(Number(a)).toBeGreaterThanOrEqual(before - 1);
      seen.add(Number(a));
    }
    const begun = count;
    await expect(node.query(ENDLESS, [], { maxMs: 200 })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    going.on = false;
    await writing;
    expect(count).toBeGreaterThan(begun + 1);
  });
});

test('what is asked of a node that closes is refused, and nothing is left of it', async () => {
  const before = new Set(readdirSync(tmpdir()));
  const node = await openNode({ id: 'n' });
  node.table('t', { key: 'int' }).add(1);
  await node.query('SELECT 1 AS one');
  const made = readdirSync(tmpdir()).filter(
    (name) => name.startsWith('tablecast-queries-') && !before.has(name),
  );
  expect(made.length).toBeGreaterThan(0);
  const asked = node.query(ENDLESS);
  await Promise.all([expect(asked).rejects.toMatchObject({ code: 'CLOSED' }), node.close()]);
  expect(readdirSync(tmpdir()).filter((name) => made.includes(name))).not.toEqual(made);
  await expect(node.query('SELECT 1')).rejects.toMatchObject({ code: 'CLOSED' });
});

test('a program that asks, and does nothing else, ends by itself when its node is closed', async () => {
  const program = `
    const { openNode } = await import('tablecast');
    const node = await openNode({ id: 'n' });
    node.table('t', { key: 'int' }).add(1);
    console.log(JSON.stringify((await node.query('SELECT count(*) AS n FROM t')).rows));
    await node.close();`;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const loader = fileURLToPath(new URL('../../scripts/typescript.mjs', import.meta.url));
  const args = ['--import', loader, '--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  expect(stdout).toBe('[{"n":1}]\n');
});

test('what a killed node left behind goes when the next one is asked, and what a living one has stays', async () => {
  const ask = async (): Promise<TableNode> => {
    const node = await openNode({ id: 'n' });
    onTestFinished(() => node.close());
    node.table('t', { key: 'int' }).add(1);
    await node.query('SELECT 1 AS one');
    return node;
  };
  const left = mkdtempSync(join(tmpdir(), 'tablecast-queries-'));
  const begun = mkdtempSync(join(tmpdir(), 'tablecast-queries-'));
  onTestFinished(() => rmSync(begun, { recursive: true }));
  const fresh = mkdtempSync(join(tmpdir(), 'tablecast-queries-'));
  onTestFinished(() => rmSync(fresh, { recursive: true }));
  writeFileSync(join(left, '0.db'), 'rows');
  for (const directory of [left, fresh]) writeFileSync(join(directory, 'held.lock'), '');
  const before = new Date(Date.now() - 61_000);
  for (const directory of [left, begun]) utimesSync(directory, before, before);
  const living = await ask();
  expect([left, begun, fresh].map((directory) => existsSync(directory))).toEqual([false, true, true]);
  await ask();
  expect((await living.query('SELECT count(*) AS n FROM t')).rows).toEqual([{ n: 1 }]);
});

test('a file of a node is asked as well', async () => {
  const directory = temporary();
  const node = await openNode({ id: 'n', directory });
  node.table('t', { key: 'int', value: 'string', backend: 'sqlite' }).set(1, 'one');
  await node.close();
  const file = await openLogFile(join(directory, 'n.tablecast.db'));
  onTestFinished(() => file.close());
  expect((await file.query('SELECT key, value FROM t')).rows).toEqual([{ key: 1, value: 'one' }]);
  expect(existsSync(join(directory, 'n.rows.db'))).toBe(false);
});
