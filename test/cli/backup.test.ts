import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBackup, openNode } from 'tablecast';
import { expect, test } from 'vitest';
import { run, startNode, temporary } from './support/command.ts';

const hosts = 'hosts key=addr value=count backend=sqlite';

test('a running node is backed up, verified, lost, restored, and runs on', async () => {
  const parent = temporary();
  const directory = join(parent, 'data');
  const args = ['--id', 'manager', '--directory', directory, '--table', hosts];
  const first = await startNode(args);
  expect((await run(['set', 'hosts', '10.0.0.1', '1', '--peer', first.address])).code).toBe(0);
  const backup = join(parent, 'backup');
  const made = await run(['backup', backup, '--directory', directory, '--id', 'manager']);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(made.stdout).toContain('node manager at position 1, 1 table, 1 row');
  first.process.kill('SIGKILL');
  await first.finished;
  const [again, verified, restored] = await Promise.all([
    run(['backup', backup, '--directory', directory, '--id', 'manager', '--json']),
    run(['verify', backup, '--json']),
    run(['restore', backup, '--directory', join(parent, 'restored')]),
  ]);
  expect(again.code).toBe(2);
  expect(JSON.parse(again.stderr)).toMatchObject({ error: { code: 'OPTION_INVALID' } });
  expect(verified.code).toBe(0);
  expect(JSON.parse(verified.stdout)).toMatchObject({ sound: true, kind: 'backup', damages: [] });
  expect(restored.code).toBe(0);
  expect(restored.stderr).toContain('tablecast run --id manager');
  const second = await startNode([
    '--id',
    'manager',
    '--directory',
    join(parent, 'restored'),
    '--table',
    hosts,
  ]);
  expect((await run(['get', 'hosts', '10.0.0.1', '--peer', second.address])).stdout).toBe('1\n');
  second.process.kill('SIGTERM');
  expect((await second.finished).stdout).toContain('"code":"epoch-began"');
});

test('damage ends with 4 and its place, and a damaged backup is not restored', async () => {
  const parent = temporary();
  const directory = join(parent, 'data');
  const node = await openNode({ id: 'manager', directory });
  node.table('hosts', { key: 'addr', value: 'count', backend: 'sqlite' }).set('10.0.0.1', 1);
  await node.close();
  const backup = join(parent, 'backup');
  const file = join(directory, 'manager.tablecast.db');
  await createBackup({ file, target: backup });
  const copy = join(backup, 'manager.tablecast.db');
  const bytes = readFileSync(copy);
  bytes.fill(0xff, 5000, 5100);
  writeFileSync(copy, bytes);
  const [words, json, restored, sound, none] = await Promise.all([
    run(['verify', backup]),
    run(['verify', backup, '--json']),
    run(['restore', backup, '--directory', join(parent, 'restored')]),
    run(['verify', directory]),
    run(['verify', join(parent, 'none')]),
  ]);
  expect(words.code).toBe(4);
  expect(words.stdout).toContain('damaged  manager.tablecast.db: its SHA-256 is not the one in SHA256SUMS');
  expect(json.code).toBe(4);
  expect(JSON.parse(json.stdout)).toMatchObject({ sound: false });
  expect(restored.code).toBe(4);
  expect(restored.stderr).toContain('no sound backup');
  expect(readdirSync(parent).toSorted()).toEqual(['backup', 'data']);
  expect(sound.code).toBe(0);
  expect(sound.stdout).toContain('1 operation, 1 table, 1 row');
  expect(none.code).toBe(2);
});
