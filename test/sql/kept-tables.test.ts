import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type NodeEvent, openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-kept-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('with sql: true every table can be read with SELECT, whenever it was declared and wherever it is kept', async () => {
  const directory = temporary();
  const node = await openNode({ id: 'n', directory, sql: true });
  onTestFinished(() => node.close());
  let heard = (): void => undefined;
  const events: NodeEvent[] = [];
  node.events.subscribe((event) => {
    events.push(event);
    heard();
  });
  const until = async (...codes: string[]): Promise<void> => {
    while (codes.some((code) => !events.some((event) => event.code === code)))
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    events.length = 0;
  };
  node.table('kept', { key: 'addr', backend: 'sqlite' }).add('10.0.0.1');
  await until('projection-began');
  node.table('brief', { key: 'int', value: 'string' }).set(1, 'one');
  await until('projection-began');
  // Their names differ by their case alone: SQL has them as one.
  node.table('BRIEF', { key: 'int' });
  await until('projection-failed');
  node.table('later', { key: 'subnet', backend: 'sqlite' }).add('10.0.0.0/8');
  await until('projection-began');
  const database = new Database(join(directory, 'n.rows.db'), { readonly: true });
  onTestFinished(() => void database.close());
  const read = (sql: string): unknown[] => database.prepare(sql).raw(true).all();
  expect(read('SELECT key FROM kept')).toEqual([['10.0.0.1']]);
  expect(read('SELECT key, value FROM brief')).toEqual([[1, 'one']]);
  expect(read('SELECT key FROM later')).toEqual([['10.0.0.0/8']]);
});

test('sql: true needs a directory', async () => {
  await expect(openNode({ id: 'n', sql: true })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    details: { option: 'sql' },
  });
});

test('with sql: true a table that the file cannot take is left out by itself, and told once', async () => {
  const directory = temporary();
  const file = join(directory, 'n.rows.db');
  const others = new Database(file);
  onTestFinished(() => void others.close());
  others.exec(`CREATE TABLE "Mine" AS SELECT 'mine' AS note`);
  others.exec(`CREATE VIEW seen AS SELECT 'mine' AS note`);
  const node = await openNode({ id: 'n', directory, sql: true });
  onTestFinished(() => node.close());
  const told: NodeEvent[] = [];
  const refused = ['sqlite_stat', 'l'.repeat(41), 'mine', 'seen', 'TableCast_Projections', 'KEPT'];
  const isOver = new Promise<void>((resolve) => {
    node.events.subscribe((event) => {
      told.push(event);
      const failed = new Set(
        told.filter(({ code }) => code === 'projection-failed').map(({ table }) => table),
      );
      if (failed.size === refused.length && event.code === 'projection-began') resolve();
    });
  });
  for (const name of ['kept', ...refused, 'kept_too', 'kept_history'])
    node.table(name, { key: 'string', backend: 'sqlite' }).add(name);
  await isOver;
  for (const name of ['kept', 'kept_too', 'kept_history'])
    expect(others.prepare(`SELECT key FROM ${name}`).pluck().all()).toEqual([name]);
  expect(others.prepare('SELECT note FROM mine').pluck().all()).toEqual(['mine']);
  const failures = told.filter(({ code }) => code === 'projection-failed');
  expect(failures).toHaveLength(refused.length);
  expect(new Set(failures.map(({ table }) => table))).toEqual(new Set(refused));
  for (const { message, table } of failures)
    expect(message).toMatch(new RegExp(`^${table} into .*\\. .*\\.$`));
});

test('with sql: true a table whose rows the file does not take stops no other', async () => {
  const directory = temporary();
  const node = await openNode({ id: 'n', directory, sql: true });
  onTestFinished(() => node.close());
  const events: NodeEvent[] = [];
  let heard = (): void => undefined;
  node.events.subscribe((event) => {
    events.push(event);
    heard();
  });
  const until = async (code: string): Promise<void> => {
    while (!events.some((event) => event.code === code))
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
  };
  const table = node.table('once', { key: 'string', value: 'count', backend: 'sqlite' });
  const other = node.table('kept', { key: 'string', backend: 'sqlite' });
  await until('projection-began');
  const database = new Database(join(directory, 'n.rows.db'));
  onTestFinished(() => void database.close());
  database.exec('CREATE UNIQUE INDEX one_each ON once (value)');
  events.length = 0;
  node.batch(() => {
    table.set('a', 1);
    table.set('b', 1);
    other.add('c');
  });
  await until('projection-began');
  expect(events.filter(({ code }) => code === 'projection-failed')).toMatchObject([
    { table: 'once', message: expect.stringContaining('Look what was added to once') as string },
  ]);
  expect(database.prepare('SELECT key FROM kept').pluck().all()).toEqual(['c']);
});
