import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openNode } from 'tablecast';
import { run, temporary } from './support/command.ts';

const utf8 = new TextEncoder();
/** Broker's binary form: a tag, then the content. */
const text = (value: string): number[] => [5, utf8.encode(value).length, ...utf8.encode(value)];
const count = (value: number): number[] => [2, 0, 0, 0, 0, 0, 0, 0, value];
const list = (...items: readonly number[][]): number[] => [14, items.length, ...items.flat()];

function makeStore(
  folder: string,
  table: string,
  rows: readonly (readonly [number[], number[], bigint | null])[],
) {
  const file = join(folder, `___sync_store_${table}.sqlite`);
  const database = new Database(file);
  database.exec('CREATE TABLE meta(key text primary key, value text)');
  database.exec('CREATE TABLE store(key blob primary key, value blob, expiry integer)');
  database.exec("INSERT INTO meta VALUES ('broker_version', '2.8.0')");
  for (const [key, value, expiry] of rows)
    database.prepare('INSERT INTO store VALUES (?, ?, ?)').run(Buffer.from(key), Buffer.from(value), expiry);
  database.close();
  return file;
}

const none = [0];
const past = 1n;
const future = BigInt(Date.now() + 3_600_000) * 1_000_000n;

test('every store of a folder goes into the table of its name, without what has expired', async () => {
  const folder = temporary();
  makeStore(folder, 'Site::counts', [
    [text('a'), count(1), null],
    [text('b'), count(2), past],
    [text('c'), count(3), future],
  ]);
  makeStore(folder, 'Site::names', [[text('x'), none, null]]);
  makeStore(folder, 'Site::empty', []);
  const done = await run([
    'import',
    '--broker-store',
    folder,
    '--directory',
    join(folder, 'data'),
    '--id',
    'a',
  ]);
  expect(done.stderr.split('\n').toSorted()).toEqual([
    '',
    'Site::counts: 2 rows imported, 1 expired',
    'Site::empty: the store is empty',
    'Site::names: 1 row imported, 0 expired',
  ]);
  expect(done.code).toBe(0);
  const node = await openNode({ id: 'a', directory: join(folder, 'data') });
  onTestFinished(() => node.close());
  const counts = node.table('Site::counts', { key: 'string', value: 'count', backend: 'sqlite' });
  expect(new Map(counts)).toEqual(
    new Map([
      ['a', 1],
      ['c', 3],
    ]),
  );
  expect([...node.table('Site::names', { key: 'string', backend: 'sqlite' })]).toEqual(['x']);
});

test('a store goes into a running node, with the type that a configuration gives', async () => {
  const folder = temporary();
  const store = makeStore(folder, 'Site::seen', [[text('k'), list(count(5), text('five')), null]]);
  const zeek = {
    url: 'ws://127.0.0.1:1',
    tables: {
      'Site::seen': { type: 'table[string] of R', types: { R: 'record { n: count; name: string; }' } },
    },
  };
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ id: 'a', zeek }));
  const node = await openNode({ id: 'a', listen: { port: 0 }, zeek });
  onTestFinished(() => node.close());
  const peer = node.address ?? '';
  const done = await run([
    'import',
    '--broker-store',
    store,
    '--zeek-tables',
    config,
    '--peer',
    peer,
    '--json',
  ]);
  expect(JSON.parse(done.stdout)).toEqual({
    table: 'Site::seen',
    rows: 1,
    expired: 0,
    escaped: 0,
    refused: 0,
    damaged: 0,
  });
  const seen = node.tables.get('Site::seen') as unknown as ReadonlyMap<string, unknown>;
  expect(seen.get('k')).toEqual({ n: 5, name: 'five' });
});

test('one damaged store among several, and one damaged row of a store, harm no other', async () => {
  const folder = temporary();
  makeStore(folder, 'Site::a', [[text('x'), count(1), null]]);
  writeFileSync(makeStore(folder, 'Site::b', [[text('x'), count(1), null]]), 'no database any more');
  makeStore(folder, 'Site::c', [
    [text('x'), count(1), null],
    [text('y'), [2, 0, 0], null],
    [[5, 9, 65], count(3), null],
    [text('z'), count(4), null],
  ]);
  const into = ['--directory', join(folder, 'data'), '--id', 'a'];
  const done = await run(['import', '--broker-store', folder, ...into]);
  expect(done.code).toBe(4);
  expect(done.stderr).toContain('Site::a: 1 row imported');
  expect(done.stderr).toContain('___sync_store_Site::b.sqlite is no SQLite database');
  expect(done.stderr).toContain('Site::c: 2 rows imported, 0 expired, 2 that cannot be read left out');
  const exported = await run(['export', 'Site::c', ...into]);
  expect(exported.stdout).toBe('key,value\nx,1\nz,4\n');
});

test('a store that is none, or of which too little is known, is refused with what to do', async () => {
  const folder = temporary();
  const [nothing, missing, unnamed] = await Promise.all([
    run(['import', '--broker-store', folder, '--directory', folder, '--id', 'a']),
    run(['import', '--broker-store', join(folder, 'no'), '--directory', folder, '--id', 'a']),
    run(['import']),
  ]);
  expect(nothing.code).toBe(2);
  expect(nothing.stderr).toContain('holds no Broker store');
  expect(missing.code).toBe(2);
  expect(unnamed.code).toBe(2);
  expect(unnamed.stderr).toContain('No table is named');
});
