import { describe, expect, it, vi } from 'vitest';
import type { MapTable } from '../../src/index.ts';
import { type Cluster, createCluster } from '../support/cluster.ts';
import { readLog } from '../support/read-log.ts';

vi.mock('../../src/replication/wire/wire.ts', async (original) => {
  const wire = await original<typeof import('../../src/replication/wire/wire.ts')>();
  return {
    ...wire,
    // The node n1 greets as version 0.2 does, which knows no touches.
    encodeMessage: (message: Parameters<typeof wire.encodeMessage>[0]) =>
      wire.encodeMessage(
        message.type === 'hello' && message.hello.node === 'n1'
          ? { type: 'hello', hello: { ...message.hello, touches: undefined } }
          : message,
      ),
  };
});

const lived = { key: 'string', value: 'string', mode: 'lww', writeExpire: '20s' } as const;

async function kindsOf(cluster: Cluster): Promise<string[]> {
  const operations = await cluster.time.until(readLog(cluster.node(0)));
  return operations.map(({ kind }) => kind);
}

describe('with a peer that knows no touches', () => {
  it('the value is written again', async () => {
    const cluster = await createCluster({ size: 2 });
    const [table] = cluster.declare('t', lived) as MapTable<string, string>[];
    await cluster.run(1000);
    table?.set('k', 'v');
    expect(table?.touch('k')).toBe(true);
    await cluster.run(1000);
    expect(await kindsOf(cluster)).toEqual(['set', 'set']);
    await cluster.close();
  });

  it('that comes later, what touches prolonged is written again', async () => {
    const cluster = await createCluster({ size: 2 });
    cluster.setCut(0, 1, true);
    await cluster.run(1000);
    const [table, there] = cluster.declare('t', lived) as MapTable<string, string>[];
    table?.set('k', 'v');
    table?.set('other', 'w');
    await cluster.run(1000);
    table?.touch('k');
    await cluster.run(1000);
    expect(await kindsOf(cluster)).toEqual(['set', 'set', 'touch']);
    cluster.setCut(0, 1, false);
    cluster.reset(0, 1);
    await cluster.run(10_000);
    expect(await kindsOf(cluster)).toEqual(['set', 'set', 'touch', 'set']);
    expect(there?.get('k')).toBe('v');
    await cluster.close();
  });
});
