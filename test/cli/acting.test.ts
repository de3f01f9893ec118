import { type NodeOptions, type TableDeclaration, type TableNode, openNode } from 'tablecast';
import { filter, firstValueFrom } from 'rxjs';
import { expect, onTestFinished, test } from 'vitest';
import { run } from './support/command.ts';

const hosts = { key: 'addr', value: { type: 'count', as: 'exact' } } as const satisfies TableDeclaration;

async function open(options: Partial<NodeOptions> = {}): Promise<TableNode & { address: string }> {
  const node = await openNode({ id: 'manager', listen: { port: 0 }, ...options });
  onTestFinished(() => node.close());
  return node as TableNode & { address: string };
}

test('increment adds, from nothing as well, takes away, and refuses what is no number', async () => {
  const node = await open();
  const table = node.table('hosts', hosts);
  node.table('seen', { key: 'addr' });
  node.table('names', { key: 'addr', value: 'string' });
  const env = { TABLECAST_PEER: node.address };
  expect(await run(['increment', 'hosts', '10.0.0.1'], { env })).toEqual({
    code: 0,
    stdout: '1\n',
    stderr: '',
  });
  expect(
    (await run(['increment', 'hosts', '10.0.0.1', '--by', '18446744073709551614'], { env })).stdout,
  ).toBe('18446744073709551615\n');
  const [over, words, ofSet, ofText] = await Promise.all([
    run(['increment', 'hosts', '10.0.0.1'], { env }),
    run(['increment', 'hosts', '10.0.0.1', '--by', 'many'], { env }),
    run(['increment', 'seen', '10.0.0.1'], { env }),
    run(['increment', 'names', '10.0.0.1'], { env }),
  ]);
  expect([over.code, words.code, ofSet.code, ofText.code]).toEqual([2, 2, 2, 2]);
  expect(ofSet.stderr).toContain('holds no values');
  expect(ofText.stderr).toContain('holds values of type string');
  expect([...table]).toEqual([['10.0.0.1', 18446744073709551615n]]);
  const down = await run(['increment', 'hosts', '10.0.0.1', '--by=-5', '--json'], { env });
  expect(JSON.parse(down.stdout)).toMatchObject({
    key: '10.0.0.1',
    value: '18446744073709551610',
    existed: true,
  });
});

test('clear removes every row and says how many there were', async () => {
  const node = await open();
  const table = node.table('hosts', hosts).set('10.0.0.1', 1).set('10.0.0.2', 2);
  const env = { TABLECAST_PEER: node.address };
  expect(await run(['clear', 'hosts'], { env })).toEqual({
    code: 0,
    stdout: '2 rows removed from hosts\n',
    stderr: '',
  });
  expect(table.size).toBe(0);
  expect(JSON.parse((await run(['clear', 'hosts', '--json'], { env })).stdout)).toEqual({
    table: 'hosts',
    removed: 0,
    node: 'manager',
  });
});

test('switch-mode switches on every node, and says when there is nothing to do', async () => {
  const node = await open();
  const table = node.table('hosts', hosts).set('10.0.0.1', 1);
  const env = { TABLECAST_PEER: node.address };
  expect((await run(['switch-mode', 'hosts', 'lww'], { env })).stdout).toBe('hosts: naive before, lww now\n');
  expect([table.mode, [...table]]).toEqual(['lww', [['10.0.0.1', 1]]]);
  expect((await run(['switch-mode', 'hosts', 'lww'], { env })).stdout).toBe('hosts is in mode lww already\n');
  const wrong = await run(['switch-mode', 'hosts', 'lwww'], { env });
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('lww, automerge');
});

test('set waits for the nodes named, and says who does not hold the write in time', async () => {
  const manager = await open();
  const worker = await open({ id: 'worker-1', peers: [manager.address] });
  const other = await open({ id: 'worker-2' });
  const tables = [manager, worker].map((node) => node.table('hosts', hosts));
  const env = { TABLECAST_PEER: manager.address };
  const both = ['--with', worker.address];
  const set = await run(['set', 'hosts', '10.0.0.1', '5', ...both, '--peers', '2', '--json'], { env });
  expect(set.stderr).toBe('');
  expect(JSON.parse(set.stdout)).toMatchObject({ key: '10.0.0.1', node: 'manager', peers: 2 });
  expect(tables.map((table) => table.get('10.0.0.1'))).toEqual([5, 5]);
  expect((await run(['increment', 'hosts', '10.0.0.1', ...both], { env })).stdout).toBe('6\n');
  expect(tables.map((table) => table.get('10.0.0.1'))).toEqual([6, 6]);
  expect((await run(['delete', 'hosts', '10.0.0.1', ...both], { env })).code).toBe(0);
  expect(tables.map((table) => table.size)).toEqual([0, 0]);
  const [many, none, behind] = await Promise.all([
    run(['set', 'hosts', '10.0.0.2', '1', '--peers', '2'], { env }),
    run(['set', 'hosts', '10.0.0.2', '1', '--peers', '0'], { env }),
    run(['set', 'hosts', '10.0.0.3', '1', '--with', other.address, '--timeout', '10s'], { env }),
  ]);
  expect([many.code, none.code, behind.code]).toEqual([2, 2, 3]);
  expect(many.stderr).toContain('--peers is 2, and one node is named');
  expect(behind.stderr).toContain('worker-2');
  expect(tables.map((table) => [...table])).toContainEqual([['10.0.0.3', 1]]);
});

/** Two nodes that exchanged concurrent writes of two keys, and are quiet. */
async function diverged(): Promise<{
  manager: TableNode & { address: string };
  worker: TableNode & { address: string };
}> {
  const manager = await open();
  const first = manager.table('hosts', hosts).set('10.0.0.1', 1).set('10.0.0.2', 2).set('10.0.0.3', 3);
  const worker = await open({ id: 'worker-1', peers: [manager.address] });
  const second = worker.table('hosts', hosts).set('10.0.0.1', 7);
  second.delete('10.0.0.2');
  await firstValueFrom(first.divergence.pipe(filter((keys) => keys.length === 2)));
  await firstValueFrom(second.divergence.pipe(filter((keys) => keys.length === 2)));
  return { manager, worker };
}

test('diff tells what nodes have where they differ, and repair makes them equal', async () => {
  const { manager, worker } = await diverged();
  const peers = ['--peer', manager.address, '--with', worker.address];
  const rowsOf = (node: TableNode): unknown[] =>
    [...node.table('hosts', hosts)].toSorted(([one], [other]) => (one < other ? -1 : 1));
  const before = rowsOf(manager);
  const found = await run(['diff', 'hosts', ...peers, '--json']);
  expect([found.code, found.stderr]).toEqual([1, '']);
  const keys = found.stdout
    .trim()
    .split('\n')
    .map(
      (line) => JSON.parse(line) as { key: string; nodes: { node: string; row: boolean; value?: number }[] },
    )
    .toSorted((one, other) => (one.key < other.key ? -1 : 1));
  expect(
    keys.map(({ key, nodes }) => [key, nodes.map(({ node, row, value }) => [node, row, value])]),
  ).toEqual([
    [
      '10.0.0.1',
      [
        ['manager', true, 7],
        ['worker-1', true, 1],
      ],
    ],
    [
      '10.0.0.2',
      [
        ['manager', false, undefined],
        ['worker-1', true, 2],
      ],
    ],
  ]);

  const dry = await run(['repair', 'hosts', ...peers, '--from', 'manager', '--dry-run']);
  expect(dry.code).toBe(0);
  expect(dry.stdout).toContain('hosts: 2 keys differ among manager, worker-1');
  expect(rowsOf(manager)).toEqual(before);
  expect(rowsOf(worker)).not.toEqual(before);

  const repaired = await run(['repair', 'hosts', ...peers, '--from', 'worker-1']);
  expect(repaired).toEqual({ code: 0, stdout: 'hosts: 2 keys written as worker-1 has them\n', stderr: '' });
  expect(rowsOf(manager)).toEqual([
    ['10.0.0.1', 1],
    ['10.0.0.2', 2],
    ['10.0.0.3', 3],
  ]);
  expect(rowsOf(worker)).toEqual(rowsOf(manager));
  expect(await run(['diff', 'hosts', ...peers])).toEqual({
    code: 0,
    stdout: 'hosts is the same on manager, worker-1\n',
    stderr: '',
  });
});

test('diff and repair say what is missing: another node, one that is there, a node of that name', async () => {
  const manager = await open();
  manager.table('hosts', hosts);
  const worker = await open({ id: 'worker-1' });
  const [alone, gone, stranger, unshared] = await Promise.all([
    run(['diff', 'hosts', '--peer', manager.address]),
    run(['diff', 'hosts', '--peer', manager.address, '--with', 'ws://127.0.0.1:1']),
    run(['repair', 'hosts', '--peer', manager.address, '--with', worker.address, '--from', 'worker-2']),
    run(['diff', 'hosts', '--peer', manager.address, '--with', worker.address]),
  ]);
  expect([alone.code, gone.code, stranger.code, unshared.code]).toEqual([2, 3, 2, 3]);
  expect(alone.stderr).toContain('--with');
  expect(stranger.stderr).toContain('Did you mean worker-1?');
  expect(unshared.stderr).toContain('could not be compared with worker-1');
});
