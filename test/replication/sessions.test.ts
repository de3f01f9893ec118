import { describe, expect, it } from 'vitest';
import type { PeerState } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { createCluster } from '../support/cluster.ts';

const declaration = { key: 'string', value: 'count', backend: 'memory' } as const;

describe('sessions between nodes', () => {
  it('settle on one connection when two nodes dial each other, and tell no loss', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = await createCluster({ size: 2, topology: 'both', seed, delayMs: [0, 10] });
      const seen: (readonly PeerState[])[] = [];
      cluster.node(0).peers.subscribe((peers) => seen.push(peers));
      const [one, other] = cluster.declare('t', declaration);
      await cluster.run(30_000);
      expect(seen.at(-1)?.map(({ nodeId, state }) => [nodeId, state])).toEqual([['n1', 'connected']]);
      one?.set('a', 1);
      await cluster.run(50);
      expect(other?.get('a')).toBe(1);
      for (const { events } of cluster.members)
        expect(
          events.map(({ code }) => code).filter((code) => code === 'peer-lost' || code === 'peer-refused'),
        ).toEqual([]);
      await cluster.close();
    }
  });

  it('go on with the next dial after every kind of end', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair' });
    const [one, other] = cluster.declare('t', declaration);
    await cluster.run(1000);
    cluster.reset(0, 1);
    one?.set('after a reset', 1);
    await cluster.run(15_000);
    expect([...(other ?? [])]).toEqual([['after a reset', 1]]);
    expect(cluster.member(1).events.map(({ code }) => code)).toEqual([
      'peer-connected',
      'peer-lost',
      'peer-connected',
    ]);
    await cluster.stop(0);
    await cluster.run(5000);
    await cluster.start(0);
    await cluster.run(15_000);
    expect([...cluster.node(0).table('t', declaration)]).toEqual([]);
    await cluster.run(1000);
    expect([...cluster.node(0).table('t', declaration)]).toEqual([['after a reset', 1]]);
    await cluster.close();
  });

  it.each([0, 3_600_000, -3_600_000])(
    'notice a silent peer after 15 to 20 seconds, also when the clock jumps by %i ms',
    async (jumpMs) => {
      const cluster = await createCluster({ size: 2, topology: 'pair' });
      await cluster.run(2000);
      cluster.setCut(0, 1, true);
      for (const { environment } of cluster.members)
        if (environment !== undefined) environment.skewMs += jumpMs;
      const lost = () =>
        cluster.members.filter(({ events }) => events.some(({ code }) => code === 'peer-lost'));
      // Its last word is up to a heartbeat old.
      await cluster.run(9_900);
      expect(lost()).toEqual([]);
      await cluster.run(10_200);
      expect(lost()).toHaveLength(2);
      await cluster.run(9_900);
      cluster.setCut(0, 1, false);
      await cluster.run(15_000);
      for (const { events } of cluster.members) expect(events.at(-1)?.code).toBe('peer-connected');
      await cluster.close();
    },
  );

  it.each([3_600_000, -3_600_000])('stay when the clock jumps by %i ms', async (jumpMs) => {
    const cluster = await createCluster({ size: 2, topology: 'pair' });
    await cluster.run(12_000);
    const { environment } = cluster.member(1);
    if (environment !== undefined) environment.skewMs += jumpMs;
    await cluster.run(60_000);
    for (const { events } of cluster.members)
      expect(events.map(({ code }) => code)).toEqual(['peer-connected']);
    await cluster.close();
  });

  it.each([5000, -5000])('know how far the clock of a peer is ahead: %i ms', async (skewMs) => {
    const cluster = await createCluster({ size: 2, topology: 'pair' });
    const { environment } = cluster.member(1);
    if (environment !== undefined) environment.skewMs = skewMs;
    const offsets: (number | undefined)[] = [];
    cluster.node(0).peers.subscribe(([peer]) => offsets.push(peer?.clockOffsetMs));
    await cluster.run(1000);
    expect(offsets.at(-1)).toBeUndefined();
    await cluster.run(11_000);
    // Half of a round trip is a guess of how long what the peer said was on its way.
    expect(Math.abs((offsets.at(-1) ?? NaN) - skewMs)).toBeLessThan(50);
    await cluster.close();
  });

  it('are refused between two nodes of one id, with the reason on both sides', async () => {
    const cluster = await createCluster({ size: 1 });
    const events: string[] = [];
    const twin = await cluster.time.until(
      openNodeOf(
        { id: 'n0', peers: ['ws://n0'] },
        {
          environment: cluster.time.environment(new SeededRandom(9)),
          transport: cluster.network.transport('ws://twin'),
        },
      ),
    );
    const states: (readonly PeerState[])[] = [];
    twin.peers.subscribe((peers) => states.push(peers));
    twin.events.subscribe(({ code, message }) => events.push(`${code}: ${message}`));
    await cluster.run(1000);
    expect(events[0]).toMatch(/^node-id-twice: Two nodes run with the id n0/);
    expect(cluster.member(0).events[0]?.message).toMatch(/Two nodes run with the id n0/);
    expect(states.at(-1)?.[0]).toMatchObject({ address: 'ws://n0', state: 'refused', nodeId: undefined });
    await cluster.time.until(twin.close());
    await cluster.close();
  });

  it('show on `peers` what is configured, connected, counted and lost', async () => {
    const cluster = await createCluster({ size: 3, topology: [[1, 2], [], []] });
    await cluster.stop(2);
    const states: (readonly PeerState[])[] = [];
    cluster.node(0).peers.subscribe((peers) => states.push(peers));
    const [table] = cluster.declare('t', declaration);
    await cluster.run(1000);
    const [connected, waiting] = [...(states.at(-1) ?? [])].toSorted((a, b) => (a.state < b.state ? -1 : 1));
    expect(connected).toMatchObject({
      address: 'ws://n1',
      nodeId: 'n1',
      direction: 'dialled',
      state: 'connected',
    });
    expect(waiting).toMatchObject({ address: 'ws://n2', direction: 'dialled', state: 'waiting' });
    expect(waiting?.reason).toMatch(/n2/);
    for (let index = 0; index < 10; index++) table?.set(`${index}`, index);
    await cluster.run(6000);
    const after = states.at(-1)?.find(({ nodeId }) => nodeId === 'n1');
    expect(after).toMatchObject({ sentOperations: 10, receivedOperations: 0, lagOperations: 0 });
    expect(after?.roundTripMs).toBeGreaterThanOrEqual(1);
    await cluster.stop(1);
    await cluster.run(500);
    expect(states.at(-1)?.map(({ state }) => state)).toEqual(['waiting', 'waiting']);
    await cluster.close();
  });

  it('say `synced` when the rows of every connected peer are here', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair', delayMs: [50, 50] });
    const full = cluster.node(0).table('t', declaration);
    for (let index = 0; index < 1000; index++) full.set(`${index}`, index);
    const empty = cluster.node(1).table('t', declaration);
    const seen: [boolean, number][] = [];
    empty.synced.subscribe((synced) => seen.push([synced, empty.size]));
    await cluster.run(5000);
    expect(seen).toEqual([
      [false, 0],
      [true, 1000],
    ]);
    await cluster.close();
  });

  it('end with the node: the peer learns the reason, nothing is left to run, and close may be called twice', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair' });
    const [one] = cluster.declare('t', declaration);
    await cluster.run(1000);
    one?.set('last', 1);
    const node = cluster.node(0);
    await cluster.stop(0);
    await cluster.time.until(node.close());
    await cluster.run(100);
    expect(cluster.node(1).table('t', declaration).get('last')).toBe(1);
    expect(cluster.member(1).events.at(-1)).toMatchObject({ code: 'peer-lost', peer: 'n0' });
    expect(cluster.member(1).events.at(-1)?.message).toMatch(/closed/);
    expect(() => one?.set('too late', 1)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await expect(cluster.time.until(node.flush())).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => node.table('new', declaration)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(one?.get('last')).toBe(1);
    await cluster.close();
  });
});
