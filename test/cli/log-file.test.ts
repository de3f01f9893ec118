import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { type LogFile, type TableNode, openLogFile, openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';

const hosts = { key: 'addr', value: 'count', backend: 'sqlite' } as const;

async function opened(): Promise<{ node: TableNode; file: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-log-file-'));
  const node = await openNode({ id: 'a', directory });
  onTestFinished(async () => {
    await node.close();
    rmSync(directory, { recursive: true });
  });
  return { node, file: join(directory, 'a.tablecast.db') };
}

async function read(file: string): Promise<LogFile> {
  const log = await openLogFile(file);
  onTestFinished(() => log.close());
  return log;
}

test('a log file shows what a running node has flushed, and nothing that comes later', async () => {
  const { node, file } = await opened();
  const table = node.table('hosts', hosts);
  node.table('seen', { key: ['addr', 'port'], backend: 'sqlite' }).add(['10.0.0.1', '1/tcp']);
  table.set('10.0.0.1', 1);
  table.set('10.0.0.2', 2);
  table.set('10.0.0.1', 3);
  await node.flush();
  const log = await read(file);
  table.set('10.0.0.1', 4);
  table.delete('10.0.0.2');
  await node.flush();

  expect(log.nodeId).toBe('a');
  expect([...log.tables]).toEqual([
    ['hosts', { ...hosts, mode: 'naive' }],
    ['seen', { key: ['addr', 'port'], backend: 'sqlite', mode: 'naive' }],
  ]);
  expect(log.position).toBe(4);
  expect([...log.rows('hosts')]).toEqual([
    ['10.0.0.1', 3],
    ['10.0.0.2', 2],
  ]);
  expect([...(await log.stateAt({ table: 'hosts', position: 3 }))]).toEqual([
    ['10.0.0.1', 1],
    ['10.0.0.2', 2],
  ]);
  const operations = await lastValueFrom(log.operations({ table: 'hosts' }).pipe(toArray()));
  expect(operations.map(({ position, key, value }) => [position, key, value])).toEqual([
    [2, '10.0.0.1', 1],
    [3, '10.0.0.2', 2],
    [4, '10.0.0.1', 3],
  ]);
});

test('a log file of a closed node gives ranges of what the node itself would give', async () => {
  const { node, file } = await opened();
  const table = node.table('hosts', hosts);
  for (let n = 0; n < 500; n++) table.set(`10.0.${n % 7}.${n % 11}`, n);
  table.clear();
  table.set('10.0.0.1', 1);
  const range = { after: 120, until: 502 };
  const live = await lastValueFrom(node.log.operations(range).pipe(toArray()));
  await node.close();
  const log = await read(file);
  expect(await lastValueFrom(log.operations(range).pipe(toArray()))).toEqual(live);
  expect([...log.rows('hosts')]).toEqual([['10.0.0.1', 1]]);
});

test('reading changes nothing in the file of a closed node', async () => {
  const { node, file } = await opened();
  node.table('hosts', hosts).set('10.0.0.1', 1);
  await node.close();
  const before = readFileSync(file);
  const log = await read(file);
  await lastValueFrom(log.operations().pipe(toArray()));
  log.close();
  log.close();
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('an unknown table and a file that is no database are refused', async () => {
  const { node, file } = await opened();
  await node.flush();
  const log = await read(file);
  expect(() => log.rows('hosts')).toThrow('The file has no table "hosts".');
  await expect(log.stateAt({ table: 'hosts' })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  const foreign = join(file, '..', 'notes.txt');
  writeFileSync(foreign, 'no database '.repeat(500));
  await expect(openLogFile(foreign)).rejects.toMatchObject({ code: 'BACKEND_FOREIGN' });
});

test('a peer announces its tables, those declared later too, whether or not they are declared here', async () => {
  const one = await openNode({ id: 'one', listen: { port: 0 } });
  onTestFinished(() => one.close());
  one.table('hosts', { key: 'addr', value: 'count' });
  const other = await openNode({ id: 'other', peers: [one.address ?? ''] });
  onTestFinished(() => other.close());
  const announced: string[][] = [];
  const both = new Promise<void>((resolve) => {
    other.peers.subscribe(([peer]) => {
      announced.push((peer?.tables ?? []).map(({ name }) => name));
      if (peer?.tables.length === 2) resolve();
      else if (peer?.state === 'connected') one.table('seen', { key: 'addr' });
    });
  });
  await both;
  expect(announced).toContainEqual(['hosts']);
  expect(announced.at(-1)).toEqual(['hosts', 'seen']);
});
