import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type TableNode, openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { run, start, temporary } from './support/command.ts';

async function open(directory?: string): Promise<TableNode & { address: string }> {
  const node = await openNode({ id: 'manager', listen: { port: 0 }, directory });
  onTestFinished(() => node.close());
  return node as TableNode & { address: string };
}

function read(file: string, sql: string): unknown[] {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare(sql).raw(true).all();
  } finally {
    database.close();
  }
}

test('project --once fills a target from a running node, under the names that are given', async () => {
  const node = await open();
  node.table('visits', { key: ['addr', 'port'], value: 'count' }).set(['10.0.0.1', '22/tcp'], 7);
  const to = join(temporary(), 'rows.db');
  const names = ['--into', 'visits=seen', '--columns', 'visits=host,port,times'];
  const done = await run(['project', 'visits', '--to', to, '--once', '--peer', node.address, ...names]);
  expect(done).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('visits into') as string,
  });
  expect(read(to, 'SELECT host, port, times FROM seen')).toEqual([['10.0.0.1', '22/tcp', 7]]);
});

test('project follows a running node until it is told to stop', async () => {
  const node = await open();
  const hosts = node.table('hosts', { key: 'addr', value: 'count' });
  hosts.set('10.0.0.1', 1);
  const to = join(temporary(), 'rows.db');
  const following = start(['project', 'hosts', '--to', to, '--peer', node.address]);
  await following.printed('from the rows there are');
  hosts.set('10.0.0.2', 2);
  while (read(to, 'SELECT key FROM hosts').length < 2)
    await new Promise((resolve) => setTimeout(resolve, 20));
  following.process.kill('SIGINT');
  expect((await following.finished).code).toBe(0);
  expect(read(to, 'SELECT key, value FROM hosts ORDER BY key')).toEqual([
    ['10.0.0.1', 1],
    ['10.0.0.2', 2],
  ]);
});

test('project reads a database beside its running node, with the history', async () => {
  const directory = temporary();
  const node = await open(directory);
  const hosts = node.table('hosts', { key: 'addr', value: 'count', backend: 'sqlite' });
  const to = join(temporary(), 'rows.db');
  for (const value of [1, 2, 3]) {
    hosts.set('10.0.0.1', value);
    await node.flush();
    const from = ['--directory', directory, '--id', 'manager'];
    expect(await run(['project', 'hosts', '--to', to, '--history', ...from])).toMatchObject({ code: 0 });
  }
  expect(read(to, 'SELECT value FROM hosts')).toEqual([[3]]);
  expect(read(to, 'SELECT value, to_position FROM hosts_history ORDER BY from_position')).toEqual([
    [1, 2],
    [2, 3],
    [3, null],
  ]);
});

test('project says what is wrong', async () => {
  const node = await open();
  node.table('hosts', { key: 'addr' });
  const peer = ['--peer', node.address];
  const to = join(temporary(), 'rows.db');
  const [history, table, pair, target] = await Promise.all([
    run(['project', 'hosts', '--to', to, '--history', ...peer]),
    run(['project', 'hsots', '--to', to, ...peer]),
    run(['project', 'hosts', '--to', to, '--into', 'other', ...peer]),
    run(['project', 'hosts', '--to', 'mysql://user:secret@host/x', ...peer]),
  ]);
  expect([history, table, pair, target].map(({ code }) => code)).toEqual([2, 2, 2, 2]);
  expect(history.stderr).toContain('--file');
  expect(table.stderr).toContain('Did you mean');
  expect(pair.stderr).toContain('--into known_hosts=hosts');
  expect(target.stderr).not.toContain('secret');
});
