import { once } from 'node:events';
import { join } from 'node:path';
import { openLogFile } from 'tablecast';
import { expect, test } from 'vitest';
import { type RunningNode, run, startNode, temporary } from './support/command.ts';

const hosts = 'hosts key=addr value=count backend=sqlite';
/** What docs/operations.md states. */
const LIMIT_MS = 10_000;

async function endedBy(node: RunningNode, signal: NodeJS.Signals): Promise<number> {
  const begun = performance.now();
  node.process.kill(signal);
  await node.finished;
  return performance.now() - begun;
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s loses nothing and ends a node in time although its peer does not answer',
  async (signal) => {
    const parent = temporary();
    const directory = join(parent, 'data');
    const peer = await startNode(['--id', 'peer', '--table', hosts, '--directory', join(parent, 'peer')]);
    const args = ['--id', 'manager', '--directory', directory, '--table', hosts, '--peer', peer.address];
    const node = await startNode([...args, '--health', '0']);
    await node.printed('"code":"peer-connected"');
    // From here on the peer is there and says nothing, as after a pulled cable.
    peer.process.kill('SIGSTOP');
    const written = await run(['set', 'hosts', '10.0.0.1', '1', '--peer', node.address]);
    expect(written.code).toBe(0);
    const tookMs = await endedBy(node, signal);
    peer.process.kill('SIGKILL');
    const { code, stdout } = await node.finished;
    expect(code).toBe(0);
    expect(stdout).toContain('"code":"closed"');
    expect(tookMs).toBeLessThan(LIMIT_MS);
    const log = await openLogFile(join(directory, 'manager.tablecast.db'));
    expect([...log.rows('hosts')]).toEqual([['10.0.0.1', 1]]);
    log.close();
  },
);

test('a second signal ends a node at once', async () => {
  const peer = await startNode(['--id', 'peer', '--table', 'hosts key=addr value=count']);
  const node = await startNode([
    '--id',
    'a',
    '--table',
    'hosts key=addr value=count',
    '--peer',
    peer.address,
  ]);
  await node.printed('"code":"peer-connected"');
  expect((await run(['set', 'hosts', '10.0.0.1', '1', '--peer', node.address])).code).toBe(0);
  peer.process.kill('SIGSTOP');
  node.process.kill('SIGTERM');
  await node.printed('"code":"closing"');
  node.process.kill('SIGTERM');
  const [code] = (await once(node.process, 'exit')) as [number | null];
  peer.process.kill('SIGKILL');
  // Unless it was quicker than the second signal.
  expect([143, 0]).toContain(code);
});

test('a node whose log nobody reads any more goes on, and closes properly when it is told to', async () => {
  const directory = join(temporary(), 'data');
  const node = await startNode(['--id', 'manager', '--directory', directory, '--table', hosts]);
  node.process.stdout?.destroy();
  // Each of these makes the node log that a peer came and went.
  for (const address of ['10.0.0.1', '10.0.0.2'])
    expect((await run(['set', 'hosts', address, '1', '--peer', node.address])).code).toBe(0);
  await endedBy(node, 'SIGTERM');
  const { code, stderr } = await node.finished;
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: 'error: the log cannot be written (write EPIPE); the node goes on.\n',
  });
  const log = await openLogFile(join(directory, 'manager.tablecast.db'));
  expect(log.rows('hosts').size).toBe(2);
  log.close();
});
