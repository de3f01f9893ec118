import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MapTable, type NodeOptions, type TableDeclaration, type TableNode, openNode } from 'tablecast';
import { firstValueFrom, take, toArray } from 'rxjs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { run, start } from './support/command.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const hosts = { key: 'addr', value: 'count', backend: 'sqlite' } as const satisfies TableDeclaration;
const inMemory = { key: 'addr', value: 'count' } as const satisfies TableDeclaration;

type Node = TableNode & { readonly address: string };

async function open(options: Partial<NodeOptions> = {}): Promise<Node> {
  const node = await openNode({ id: 'manager', listen: { port: 0 }, ...options });
  onTestFinished(() => node.close());
  return node as Node;
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'tablecast-looking-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('history prints every operation on a key, of a running node as of its database', async () => {
  const place = directory();
  const node = await open({ directory: place });
  const table = node.table('hosts', hosts);
  table.set('10.0.0.1', 5).set('10.0.0.2', 1).increment('10.0.0.1', 2);
  table.delete('10.0.0.1');
  table.clear();
  await node.flush();
  const codes: string[] = [];
  node.events.subscribe(({ code }) => codes.push(code));
  const before = codes.length;
  const ask = ['history', 'hosts', '10.0.0.1'];
  const env = { TABLECAST_PEER: node.address };
  const file = ['--directory', place, '--id', 'manager'];
  const [running, atRest, text, newest, none, tooMany] = await Promise.all([
    run([...ask, '--json'], { env }),
    run([...ask, '--json', ...file]),
    run(ask, { env }),
    run([...ask, '--limit', '2', '--json'], { env }),
    run(['history', 'hosts', '10.0.0.9', '--limit', '1'], { env }),
    run([...ask, '--limit', '1001'], { env }),
  ]);
  expect(running.stderr).toBe('');
  expect(atRest).toEqual(running);
  const said = linesOf(running.stdout);
  expect(said.map(({ position, kind, key, value }) => [position, kind, key, value])).toEqual([
    [1, 'set', '10.0.0.1', 5],
    [3, 'set', '10.0.0.1', 7],
    [4, 'delete', '10.0.0.1', undefined],
    [5, 'clear', undefined, undefined],
  ]);
  expect(
    said.every(({ table: name, origin }) => name === 'hosts' && String(origin).startsWith('manager@')),
  ).toBe(true);
  expect(text.stdout.split('\n')[0]).toMatch(
    /^ {5}1 {2}set {8}hosts {2}10\.0\.0\.1 {2}5 {2}\d{4}-.*Z manager@\w+ 1$/,
  );
  expect(linesOf(newest.stdout).map(({ position }) => position)).toEqual([4, 5]);
  expect(newest.stderr).toContain('older operations are left out');
  // A clear is of every key, and no sign of this one.
  expect([none.code, tooMany.code]).toEqual([1, 2]);
  expect(tooMany.stderr).toContain('not from 1 to 1000');
  expect(codes.slice(before)).toEqual([]);
});

/** Lets a node meet one that wrote two of its keys without knowing of it. */
async function meet(manager: Node, table: MapTable<string, number>): Promise<void> {
  const other = await open({ id: 'worker-1' });
  other.table('hosts', inMemory).set('10.0.0.1', 7).delete('10.0.0.2');
  const found = firstValueFrom(table.conflicts.pipe(take(2), toArray()));
  const link = await openNode({ id: 'link', peers: [manager.address, other.address] });
  onTestFinished(() => link.close());
  link.table('hosts', inMemory);
  await found;
}

test('conflicts are those that the log tells, of a running node as of its database', async () => {
  const place = directory();
  const node = await open({ directory: place });
  await meet(node, node.table('hosts', hosts).set('10.0.0.1', 1).set('10.0.0.2', 2));
  node.table('seen', { key: 'addr' });
  await node.flush();
  const env = { TABLECAST_PEER: node.address };
  const [running, atRest, all, unknown] = await Promise.all([
    run(['conflicts', 'hosts', '--json'], { env }),
    run(['conflicts', 'hosts', '--json', '--directory', place, '--id', 'manager']),
    run(['conflicts'], { env }),
    run(['conflicts', 'nowhere'], { env }),
  ]);
  expect(linesOf(running.stdout)).toMatchObject([
    { table: 'hosts', position: 3, key: '10.0.0.1', kept: { value: 7 }, lost: { value: 1, sequence: 1 } },
    { position: 4, key: '10.0.0.2', kept: { value: null }, lost: { value: 2, sequence: 2 } },
  ]);
  expect(atRest).toEqual(running);
  const lines = all.stdout.split('\n').map((line) => line.replace(/ \S*Z at /, ' at ').replace(/@\w+/, ''));
  expect(lines).toEqual([
    'hosts: 2 conflicts',
    '10.0.0.1  at 3',
    '  kept  7  worker-1 1',
    '  lost  1  manager 1',
    '10.0.0.2  at 4',
    '  kept  removed  worker-1 2',
    '  lost  2  manager 2',
    'seen: no conflicts',
    '',
  ]);
  expect(unknown.code).toBe(2);
});

test('conflicts are followed over HTTP, and a WebSocket address is told what to give', async () => {
  const manager = await open({ http: { port: 0 } });
  const table = manager.table('hosts', inMemory).set('10.0.0.1', 1).set('10.0.0.2', 2);
  const address = manager.httpAddress ?? '';
  const following = start(['conflicts', '--follow', '--json', '--peer', address]);
  const [refused, unfollowed] = await Promise.all([
    run(['conflicts', '--follow', '--peer', manager.address]),
    run(['conflicts', '--peer', address]),
  ]);
  expect([refused.code, unfollowed.code]).toEqual([2, 2]);
  expect(refused.stderr).toContain('http://HOST:PORT');
  await following.printed('following conflicts');
  await meet(manager, table);
  const [line = '{}'] = (await following.printed('"kept"')).split('\n');
  expect(JSON.parse(line)).toMatchObject({ table: 'hosts', key: '10.0.0.1', kept: { value: 7 } });
  following.process.kill('SIGINT');
  expect((await following.finished).code).toBe(0);
});

test('peers prints who is connected and who is not, and to whom what may be known', async () => {
  const credentials = [
    { name: 'readers', token: 'r', nodes: ['cli-*'], read: ['hosts'], write: [] },
    { name: 'all', token: 'a', nodes: ['cli-*', 'worker-1'], read: ['*'] },
  ];
  const node = await open({ auth: { credentials }, peers: ['ws://127.0.0.1:1'] });
  const table = node.table('hosts', inMemory).set('10.0.0.1', 1);
  node.table('secrets', inMemory);
  const worker = await openNode({ id: 'worker-1', peers: [node.address], auth: { token: 'a' } });
  onTestFinished(() => worker.close());
  const there = worker.table('hosts', inMemory);
  worker.table('secrets', inMemory);
  await vi.waitFor(() => expect(there.size).toBe(table.size), PATIENCE_MS);
  await node.flush({ peers: 1 });
  const ask = (token: string, ...words: string[]) =>
    run(['peers', '--peer', node.address, ...words], { env: { TABLECAST_TOKEN: token } });
  await vi.waitFor(async () => {
    const [some, every, text] = await Promise.all([ask('r', '--json'), ask('a', '--json'), ask('a')]);
    expect(some.code).toBe(0);
    const byId = (lines: string) => linesOf(lines).find(({ nodeId }) => nodeId === 'worker-1');
    expect(byId(every.stdout)).toMatchObject({ state: 'connected', lagOperations: 0, durableOperations: 1 });
    const names = (lines: string) =>
      ((byId(lines)?.['tables'] ?? []) as { name: string }[]).map(({ name }) => name);
    expect([names(some.stdout), names(every.stdout)]).toEqual([['hosts'], ['hosts', 'secrets']]);
    expect(text.stdout).toContain('manager has 2 peers, 1 connected');
    expect(text.stdout).toContain('ws://127.0.0.1:1');
  }, PATIENCE_MS);
});
