import { openNode } from 'tablecast';
import { expect, onTestFinished, test, vi } from 'vitest';
import { withNode } from '../../src/cli/joined-node.ts';

vi.mock('../../src/replication/wire/wire.ts', async (original) => {
  const wire = await original<typeof import('../../src/replication/wire/wire.ts')>();
  return {
    ...wire,
    // As version 0.2 acknowledges.
    encodeMessage: (message: Parameters<typeof wire.encodeMessage>[0]) =>
      wire.encodeMessage(
        message.type === 'ack' ? { ...message, durable: undefined, problem: undefined } : message,
      ),
  };
});

test('of a node of version 0.2 a command says that only the receipt was confirmed', async () => {
  const node = await openNode({ id: 'earlier', listen: { port: 0 } });
  onTestFinished(() => node.close());
  const rows = node.table('rows', { key: 'count' });
  let said = '';
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  onTestFinished(() => spy.mockRestore());
  await withNode({ peer: node.address ?? '', timeout: 20_000 }, async (joined) => {
    const { table } = await joined.join('rows');
    for (const key of [1, 2]) {
      (table as unknown as { add(key: number): void }).add(key);
      await joined.confirmed(key, 'rows');
    }
    expect(joined.standing).toBe(0);
  });
  expect(rows.size).toBe(2);
  // Once, however many writes there are.
  expect(said).toBe('earlier runs an earlier version: it confirms what it has, not what is on its disk\n');
});
