import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { RealNode } from '../../src/trial/real-node.ts';
import { requireServer, withGroup } from '../../src/trial/nats-group.ts';
import { makeWorkload } from '../../src/trial/index.ts';
import { NatsServer, missing } from '../nats/server.ts';
import { busyRows } from './notes.ts';

/** Lists the streams that a server keeps. */
async function streamsOf({ url }: NatsServer): Promise<readonly string[]> {
  const [{ connect }, { jetstreamManager }] = await Promise.all([
    import('@nats-io/transport-node'),
    import('@nats-io/jetstream'),
  ]);
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    return await manager.streams.names().next();
  } finally {
    await connection.close();
  }
}

function openNodes(count: number, given: Omit<Parameters<typeof RealNode.open>[0], 'index' | 'directory'>) {
  return Promise.all(
    Array.from({ length: count }, (_, index) => {
      const directory = mkdtempSync(join(tmpdir(), 'tablecast-carried-'));
      onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
      return RealNode.open({ ...given, index, directory });
    }),
  );
}

test.skipIf(missing !== undefined)(
  'nodes of a comparison share nothing but a server, are cut off from it and back, and leave nothing there',
  async () => {
    await using server = await NatsServer.start();
    const nats = { servers: [server.url] };
    await requireServer(nats);
    const workload = makeWorkload(busyRows(30), { nodes: 2, seed: 3, concurrent: 50, partitions: 5 });
    const rowsOf = (node: number): number => workload.rows.filter((row) => row.node === node).length;
    const all = await withGroup(nats, async (group) => {
      const nodes = await openNodes(2, { mode: 'lww', workload, peers: [], nats: group });
      await Promise.all(nodes.map((node) => node.write(0, 15)));
      nodes[0]?.cut();
      await Promise.all(nodes.map((node) => node.write(15, 30)));
      nodes[0]?.heal();
      await Promise.all(nodes.map((node) => node.hold([rowsOf(0), rowsOf(1)])));
      expect(await streamsOf(server)).toHaveLength(2);
      return Promise.all(nodes.map((node) => node.finish(0)));
    });
    expect(all[0]?.notes.latest.rows.toSorted()).toEqual(all[1]?.notes.latest.rows.toSorted());
    for (const { counters } of all) expect(counters.wireBytes).toBeGreaterThan(30 * 10);
    expect(await streamsOf(server)).toEqual([]);
  },
);
