import { openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { isCommandId, commandId } from '../../src/cli/command-id.ts';
import { isCommandPassing } from '../../src/cli/event-log.ts';
import { run, startNode } from './support/command.ts';

test('a command that comes and goes has no line in the log of a node, and what it did has', async () => {
  const node = await startNode(['--id', 'manager', '--table', 'hosts key=addr value=count']);
  const env = { TABLECAST_PEER: node.address };
  for (const words of [['status'], ['set', 'hosts', '10.0.0.1', '1'], ['switch-mode', 'hosts', 'lww']])
    expect((await run(words, { env })).stderr).toBe('');
  const worker = await openNode({ id: 'worker-1', peers: [node.address] });
  onTestFinished(() => worker.close());
  const lines = (await node.printed('worker-1')).trim().split('\n');
  const said = lines.map((line) => JSON.parse(line) as { code: string; peer?: string });
  expect(said.filter(({ code, peer }) => code.startsWith('peer-') && peer !== 'worker-1')).toEqual([]);
  expect(said.map(({ code }) => code)).toContain('mode-switched');
});

test('what is wrong with a command is told, and of nodes everything is', () => {
  const passing = (code: 'peer-connected' | 'peer-lost' | 'peer-refused', peer: string, severity = 'info') =>
    isCommandPassing({ code, peer, severity: severity as 'info', message: '' });
  expect(isCommandId(commandId())).toBe(true);
  expect([passing('peer-connected', 'cli-5aa45a55-46'), passing('peer-lost', 'cli-5aa45a55-4')]).toEqual([
    true,
    true,
  ]);
  expect([
    passing('peer-lost', 'cli-5aa45a55-46', 'warning'),
    passing('peer-refused', 'cli-5aa45a55-46'),
    passing('peer-connected', 'client-1'),
    passing('peer-connected', 'cli-worker-1'),
  ]).toEqual([false, false, false, false]);
});
