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
