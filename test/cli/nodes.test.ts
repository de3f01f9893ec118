import { join } from 'node:path';
import { type NodeOptions, type TableNode, openLogFile, openNode } from 'tablecast';
import { filter, firstValueFrom } from 'rxjs';
import { expect, onTestFinished, test } from 'vitest';
import { withNode } from '../../src/cli/joined-node.ts';
import { leastTime } from '../support/least-time.ts';
import { run, start, startNode, temporary } from './support/command.ts';

const hostsText = 'hosts key=addr value=count backend=sqlite';
const hosts = { key: 'addr', value: { type: 'count', as: 'exact' } } as const;
const services = { key: ['addr', 'port'] } as const;

async function open(options: Partial<NodeOptions> = {}): Promise<TableNode & { address: string }> {
  const node = await openNode({ id: 'manager', listen: { port: 0 }, ...options });
  onTestFinished(() => node.close());
  return node as TableNode & { address: string };
}

test('set, get, add, keys, delete and status speak with a running node', async () => {
  const node = await open();
  const table = node.table('hosts', hosts);
  node.table('services', services);
  const env = { TABLECAST_PEER: node.address };

  const [written, added, wrong] = await Promise.all([
    run(['set', 'hosts', '10.0.0.1', '18446744073709551615'], { env }),
    run(['add', 'services', '10.0.0.1', '443/tcp', '--json'], { env }),
    run(['set', 'hosts', '10.0.0.1', 'many'], { env }),
  ]);
  expect(written).toEqual({ code: 0, stdout: '', stderr: '' });
  expect([...table]).toEqual([['10.0.0.1', 18446744073709551615n]]);
  expect(JSON.parse(added.stdout)).toMatchObject({
    key: ['10.0.0.1', '443/tcp'],
    existed: false,
    node: 'manager',
  });
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('"many" is not a count');

  const [got, absent, keys, status, unknown] = await Promise.all([
    run(['get', 'hosts', '10.0.0.1'], { env }),
    run(['get', 'hosts', '10.0.0.2', '--json'], { env }),
    run(['keys', 'services'], { env }),
    run(['status', '--json'], { env }),
    run(['keys', 'hsots'], { env }),
  ]);
  expect(got).toEqual({ code: 0, stdout: '18446744073709551615\n', stderr: '' });
  expect(absent.code).toBe(1);
  expect(JSON.parse(absent.stdout)).toEqual({ table: 'hosts', key: '10.0.0.2', found: false, value: null });
  expect(keys.stdout).toBe('10.0.0.1\t443/tcp\n');
  expect(JSON.parse(status.stdout)).toMatchObject({
    node: 'manager',
    tables: [
      { name: 'hosts', mode: 'naive', rows: 1, declaration: { key: 'addr', value: 'count' } },
      { name: 'services', rows: 1, declaration: { key: ['addr', 'port'] } },
    ],
  });
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('Did you mean hosts?');

  expect((await run(['delete', 'hosts', '10.0.0.1'], { env })).code).toBe(0);
  expect((await run(['delete', 'hosts', '10.0.0.1'], { env })).code).toBe(1);
  expect(table.size).toBe(0);
});

test('a write from the command line conflicts with nobody', async () => {
  const node = await open();
  const table = node.table('hosts', hosts);
  table.set('10.0.0.1', 1);
  const conflicts: unknown[] = [];
  table.conflicts.subscribe((conflict) => conflicts.push(conflict));
  expect((await run(['set', 'hosts', '10.0.0.1', '2', '--peer', node.address])).code).toBe(0);
  expect([...table]).toEqual([['10.0.0.1', 2]]);
  expect(conflicts).toEqual([]);
});

test('joining to read and leaving again takes no longer than the answers take', async () => {
  const node = await open();
  node.table('hosts', hosts).set('10.0.0.1', 1);
  const visit = () => withNode({ peer: node.address, timeout: 5000 }, (joined) => joined.join('hosts'));
  expect(await leastTime(visit, 3)).toBeLessThan(900);
});

test('a killed node comes back with its rows, and log and replay read its file', async () => {
  const directory = temporary();
  const args = ['--id', 'manager', '--directory', directory, '--table', hostsText];
  const first = await startNode(args);
  await run(['set', 'hosts', '10.0.0.1', '1', '--peer', first.address]);
  const tail = start(['tail', '--all', '--count', '1', '--json', '--peer', first.address, '--rows']);
  await tail.printed('"kind":"row"');
  await run(['set', 'hosts', '10.0.0.1', '2', '--peer', first.address]);
  const changes = (await tail.finished).stdout.trimEnd().split('\n');
  expect(changes.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { kind: 'row', table: 'hosts', key: '10.0.0.1', value: 1 },
    { kind: 'changed', table: 'hosts', key: '10.0.0.1', value: 2, previous: 1 },
  ]);
  const file = join(directory, 'manager.tablecast.db');
  // The node runs: what it has applied is in its file once it is committed.
  const positions = async (): Promise<number> => {
    const log = await openLogFile(file);
    log.close();
    return log.position;
  };
  await expect.poll(positions).toBe(2);
  first.process.kill('SIGKILL');
  await first.finished;
  const [log, early, second] = await Promise.all([
    run(['log', '--directory', directory, '--id', 'manager', '--json', '--after', '1']),
    run(['replay', '--file', file, '--table', 'hosts', '--position', '1']),
    startNode(args),
  ]);
  expect(JSON.parse(log.stdout)).toMatchObject({
    position: 2,
    table: 'hosts',
    kind: 'set',
    key: '10.0.0.1',
    value: 2,
  });
  expect(early.stdout).toBe('hosts\t10.0.0.1\t1\n');
  expect((await run(['get', 'hosts', '10.0.0.1', '--peer', second.address])).stdout).toBe('2\n');
  second.process.kill('SIGTERM');
  const closed = await second.finished;
  expect(closed.code).toBe(0);
  expect(closed.stdout).toContain('"code":"closed"');
});

test('tail waits for a node that goes away and prints what changed meanwhile', async () => {
  const directory = temporary();
  const declaration = { ...hosts, backend: 'sqlite' } as const;
  const first = await open({ directory });
  first.table('hosts', declaration).set('10.0.0.1', 1);
  const tail = start(['tail', 'hosts', '--peer', first.address, '--rows']);
  await tail.printed('10.0.0.1');
  await first.close();
  await tail.printed('lost manager');

  const away = await openNode({ id: 'manager', directory });
  away.table('hosts', declaration).set('10.0.0.9', 9);
  await away.close();
  const second = await open({ directory, listen: { port: Number(new URL(first.address).port) } });
  second.table('hosts', declaration);
  expect(await tail.printed('10.0.0.9')).toContain('new     hosts  10.0.0.9  9');
  tail.process.kill('SIGINT');
  expect((await tail.finished).code).toBe(0);
});

test('tail keeps no more than it says for a reader that stops, and says what it left out', async () => {
  const node = await open();
  const table = node.table('hosts', hosts);
  table.set('10.0.0.1', 0);
  const tail = start(['tail', 'hosts', '--rows', '--peer', node.address]);
  await tail.printed('10.0.0.1');
  tail.process.stdout?.pause();
  const writes = 120_000;
  for (let written = 1; written <= writes; written++) {
    table.set('10.0.0.1', written);
    if (written % 10_000 === 0) await node.flush();
  }
  table.set('10.0.0.2', 1);
  const peers = await firstValueFrom(
    node.peers.pipe(filter(([peer]) => peer?.lagOperations === 0 && peer.state === 'connected')),
  );
  expect(peers).toHaveLength(1);
  tail.process.stdout?.resume();
  const printed = await tail.printed('10.0.0.2');
  tail.process.kill('SIGINT');
  const { code, stderr } = await tail.finished;
  expect(code).toBe(0);
  const left = Number(/(\d+) lines were left out/.exec(stderr)?.[1]);
  const lines = printed.trimEnd().split('\n').length;
  expect(lines).toBeLessThan(80_000);
  expect(lines + left).toBe(writes + 2);
});

test('a node of the command line joins a cluster, and a wrong token is kept out', async () => {
  const manager = await open({ auth: { token: 'open-sesame' } });
  const table = manager.table('services', services);
  const arrived = new Promise<unknown>((resolve) => table.changes.subscribe(({ key }) => resolve(key)));
  const env = { TABLECAST_TOKEN: 'open-sesame' };
  const [worker, refused] = await Promise.all([
    startNode(['--id', 'worker', '--table', 'services key=addr,port', '--peer', manager.address], { env }),
    run(['status', '--peer', manager.address, '--token', 'wrong', '--json']),
  ]);
  const added = await run(['add', 'services', '10.0.0.1', '53/udp', '--peer', worker.address], { env });
  expect(added.code).toBe(0);
  expect(await arrived).toEqual(['10.0.0.1', '53/udp']);
  expect(refused.code).toBe(3);
  expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'PEER_REFUSED' } });
});
