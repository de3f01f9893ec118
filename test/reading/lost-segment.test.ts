import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { openLogFile, openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';

test('a log that lost a part of an author is damaged, and is folded into nothing', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-lost-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const node = await openNode({ id: 'n', directory });
  const table = node.table('hosts', { key: 'string', value: 'count', backend: 'sqlite' });
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ] as const) {
    table.set(key, value);
    await node.flush();
  }
  await node.close();
  const file = join(directory, 'n.tablecast.db');
  const whole = await openLogFile(file);
  expect(await whole.stateAt({ table: 'hosts', position: 3 })).toHaveProperty('size', 3);
  whole.close();
  const database = new Database(file);
  expect(database.prepare('DELETE FROM segments WHERE position = 2').run().changes).toBe(1);
  // What a checkpoint sums up needs no log.
  database.exec('DELETE FROM checkpoints; DELETE FROM checkpoint_chunks');
  database.close();
  const lost = { code: 'BACKEND_DAMAGED', message: expect.stringContaining('number 3 of what n@') as string };
  await expect(openLogFile(file)).rejects.toMatchObject(lost);
  await expect(openNode({ id: 'n', directory })).rejects.toMatchObject(lost);
});
