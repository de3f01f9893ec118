import { describe, expect, it } from 'vitest';
import type { NodeEvent, TableNode } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import type { Connection, Transport } from '../../src/transport/transport.ts';
import { type Cluster, createCluster } from '../support/cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { VirtualTime } from '../support/virtual-time.ts';
import { decodeMessage, encodeMessage } from '../../src/replication/wire/wire.ts';

interface Guest {
  readonly node: TableNode;
  readonly events: NodeEvent[];
}

/** One more process on a cluster's network. */
async function join(
  cluster: Cluster,
  at: string,
  options: { id: string; peers?: string[]; listens?: boolean },
): Promise<Guest> {
  const events: NodeEvent[] = [];
  const { id, peers, listens = false } = options;
  const node = await cluster.time.until(
    openNodeOf(
      { id, peers, ...(listens && { listen: { port: 0 } }) },
      {
        environment: cluster.time.environment(cluster.random.fork()),
        transport: cluster.network.transport(at),
      },
    ),
  );
  node.events.subscribe((event) => events.push(event));
  return { node, events };
}

const codes = (events: readonly NodeEvent[], code: string): NodeEvent[] =>
  events.filter((event) => event.code === code);

describe('two processes with one id', () => {
  it('that both dial a third are told so on all sides, and the present one stays', async () => {
    const cluster = await createCluster({ size: 1 });
    const hub = cluster.member(0);
    const one = await join(cluster, 'ws://one', { id: 'twin', peers: ['ws://n0'] });
    await cluster.run(2000);
    const two = await join(cluster, 'ws://two', { id: 'twin', peers: ['ws://n0'] });
    await cluster.run(60_000);
    for (const { events } of [hub, one]) {
      const [told, ...more] = codes(events, 'node-id-twice');
      expect(told).toMatchObject({ severity: 'error', peer: 'twin' });
      expect(told?.message).toMatch(/Two nodes run with the id twin\. Stop one of them, or give it another/);
      expect(more.every(({ details }) => Number(details?.['times']) > 0)).toBe(true);
    }
    expect(codes(two.events, 'peer-lost')).toEqual([]);
    expect(codes(hub.events, 'peer-connected')).toHaveLength(2);
    await cluster.time.until(two.node.close());
    await cluster.run(15_000);
    expect(codes(one.events, 'peer-connected').length).toBeGreaterThan(1);
    await cluster.time.until(one.node.close());
    await cluster.close();
  });

  it('that a third dials at two addresses are found out, and not dialled without end', async () => {
    const cluster = await createCluster({ size: 1 });
    const guests = [
      await join(cluster, 'ws://one', { id: 'twin', listens: true }),
      await join(cluster, 'ws://two', { id: 'twin', listens: true }),
    ];
    const caller = await join(cluster, 'ws://caller', { id: 'caller', peers: ['ws://one', 'ws://two'] });
    await cluster.run(60_000);
    expect(codes(caller.events, 'node-id-twice').length).toBeGreaterThan(0);
    expect(guests.some(({ events }) => codes(events, 'node-id-twice').length > 0)).toBe(true);
    expect(codes(caller.events, 'peer-connected').length).toBeLessThan(4);
    for (const { node } of [caller, ...guests]) await cluster.time.until(node.close());
    await cluster.close();
  });

  it('are not seen in a node that was started anew, or is reached at two addresses', async () => {
    const cluster = await createCluster({ size: 2, topology: 'both' });
    for (let times = 0; times < 5; times++) {
      cluster.crash(1);
      await cluster.run(3000);
      await cluster.start(1);
      await cluster.run(30_000);
    }
    for (const { events } of cluster.members) expect(codes(events, 'node-id-twice')).toEqual([]);
    await cluster.close();
  });
});

describe('a peer that nothing answers for', () => {
  it('is told of once, however long that lasts', async () => {
    const cluster = await createCluster({ size: 0 });
    const caller = await join(cluster, 'ws://caller', { id: 'caller', peers: ['ws://nowhere'] });
    await cluster.run(600_000);
    expect(codes(caller.events, 'peer-unreachable')).toHaveLength(1);
    await cluster.time.until(caller.node.close());
  });
});

describe('a peer that ends every session right after it greeted', () => {
  it('is dialled as rarely as one that cannot be reached', async () => {
    const time = new VirtualTime();
    let dials = 0;
    const transport: Transport = {
      name: 'rude',
      maxFrameBytes: 1 << 20,
      listen: () => Promise.reject(new Error('it does not listen')),
      dial: async () => {
        dials++;
        return rudeConnection(time);
      },
      close: async () => undefined,
    };
    const environment = time.environment(new SeededRandom(1));
    const node = await time.until(openNodeOf({ id: 'a', peers: ['ws://rude'] }, { environment, transport }));
    await time.run(60_000);
    expect(dials).toBeGreaterThan(5);
    expect(dials).toBeLessThan(18);
    await time.until(node.close());
  });
});

/** Says hello, and breaks off. */
function rudeConnection(time: VirtualTime): Connection {
  return {
    direction: 'dialled',
    remote: 'ws://rude',
    credential: undefined,
    queuedBytes: 0,
    close: () => undefined,
    start: (handlers) => {
      time.schedule(5, () => {
        const hello = { protocol: [1, 1], node: 'rude', session: 1, origins: [], tables: [] };
        handlers.frame(encodeMessage({ type: 'hello', hello: hello as never }));
        handlers.closed({ kind: 'lost', reason: 'gone' });
      });
    },
    send: (bytes) => decodeMessage(bytes).type !== 'bye',
  };
}
