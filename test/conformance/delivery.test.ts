import { describe, expect, it } from 'vitest';
import type { MapTable, PeerState, TableNode } from '../../src/index.ts';
import type { Cluster } from '../support/cluster.ts';
import { readLog } from '../support/read-log.ts';
import { counts, durableCounts, eventsOf, rowsOf, settle, told, withCluster } from './fixture.ts';

/** Longest pause of a dialler, silence until a peer is given up, and some time to catch up. */
const RECOVERED_MS = 40_000;

function peersOf(node: TableNode): { readonly now: readonly PeerState[] } {
  const seen: { now: readonly PeerState[] } = { now: [] };
  node.peers.subscribe((peers) => {
    seen.now = peers;
  });
  return seen;
}

async function sequencesAt(cluster: Cluster, index: number): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (const { origin, sequence } of await cluster.time.until(readLog(cluster.node(index)))) {
    const list = found.get(origin) ?? [];
    list.push(sequence);
    found.set(origin, list);
  }
  return found;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

describe('conformance: delivery', () => {
  it('conformance 98: an author’s operations are numbered 1, 2, 3, … and are so at every node', async () => {
    await withCluster({ size: 3, topology: 'star' }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      for (let round = 0; round < 20; round++) for (const table of tables) table.set(`k${round % 3}`, round);
      await settle(cluster);
      for (const index of [0, 1, 2]) {
        const sequences = await sequencesAt(cluster, index);
        expect([...sequences.values()]).toEqual([upTo(20), upTo(20), upTo(20)]);
      }
    });
  });

  it('conformance 99: what a slow peer lacks waits in the log, not in a buffer, and is all there later', async () => {
    await withCluster({ size: 3, topology: 'star' }, async (cluster) => {
      const [hub, slow, quick] = cluster.declare('counts', durableCounts);
      cluster.route(0, 1).bytesPerMs = 1;
      for (let index = 0; index < 30_000; index++) {
        hub?.set(`key ${index}`, index);
        if (index % 1000 === 0) await cluster.run(10);
      }
      await settle(cluster);
      expect(quick?.size).toBe(30_000);
      expect(slow?.size).toBeLessThan(30_000);
      cluster.route(0, 1).bytesPerMs = Infinity;
      cluster.network.changed();
      await cluster.run(600_000);
      expect(rowsOf([slow!])).toEqual(rowsOf([hub!]));
    });
  });

  it('conformance 100: whatever the paths, each operation arrives once and in its author’s order', async () => {
    await withCluster({ size: 5, topology: 'both', delayMs: [1, 50] }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      for (let round = 0; round < 30; round++) {
        tables[round % 5]?.set('k', round);
        await cluster.run(5);
      }
      await settle(cluster);
      for (let index = 0; index < 5; index++) {
        const sequences = await sequencesAt(cluster, index);
        expect(sequences.size).toBe(5);
        for (const list of sequences.values()) expect(list).toEqual(upTo(6));
      }
    });
  });

  it('conformance 104: connections that break all the time cost no operation, and none is skipped', async () => {
    await withCluster({ size: 3, topology: 'chain', delayMs: [1, 20] }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      const lines = told(tables[2]!);
      for (let round = 0; round < 100; round++) {
        tables[0]?.set('k', round);
        await cluster.run(40);
        if (round % 3 === 0) cluster.reset(0, 1);
        if (round % 7 === 0) cluster.reset(1, 2);
      }
      await cluster.run(RECOVERED_MS);
      expect(lines.map((line) => Number(line.split(' ')[2]))).toEqual(
        Array.from({ length: 100 }, (_, n) => n),
      );
    });
  });

  it('conformance 105: a peer that acknowledged everything lags by 0', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here] = cluster.declare('counts', counts);
      const peers = peersOf(cluster.node(0));
      cluster.setCut(0, 1, true);
      for (let index = 0; index < 10; index++) here?.set('k', index);
      await cluster.run(5500);
      cluster.setCut(0, 1, false);
      await settle(cluster);
      expect(peers.now).toMatchObject([{ state: 'connected', sentOperations: 10, lagOperations: 0 }]);
    });
  });

  it('conformance 108: a lost last operation is noticed by the silence, and arrives without another write', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('counts', counts);
      const events = eventsOf(cluster.node(0));
      cluster.setCut(0, 1, true);
      here?.set('k', 1);
      await cluster.run(21_000);
      expect(events.map(({ code }) => code)).toContain('peer-lost');
      cluster.setCut(0, 1, false);
      await cluster.run(RECOVERED_MS);
      expect(there?.get('k')).toBe(1);
    });
  });

  it('a tick that writes more than a frame can hold reaches the peers', async () => {
    await withCluster({ size: 3, topology: 'chain' }, async (cluster) => {
      const [first, , last] = cluster.declare('texts', { key: 'string', value: 'string' });
      const text = 'x'.repeat(200_000);
      for (let index = 0; index < 60; index++) first?.set(`k${index}`, text);
      await cluster.run(5000);
      expect(last?.size).toBe(60);
    });
  });
});

describe('conformance: disconnect and restart', () => {
  it('conformance 110: an interruption loses nothing in either direction', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      for (let round = 0; round < 10; round++) {
        cluster.reset(0, 1);
        tables[0]?.set(`0 ${round}`, round);
        tables[1]?.set(`1 ${round}`, round);
        await cluster.run(700);
      }
      await cluster.run(RECOVERED_MS);
      expect(tables.map(({ size }) => size)).toEqual([20, 20]);
    });
  });

  it('conformance 111: nor does an absence of hours with writes on both sides', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const tables = cluster.declare('counts', durableCounts);
      cluster.setCut(0, 1, true);
      for (let hour = 0; hour < 5; hour++) {
        for (const [index, table] of tables.entries()) {
          for (let key = 0; key < 500; key++) table.set(`${index} ${hour} ${key}`, key);
        }
        await cluster.run(3_600_000);
      }
      cluster.setCut(0, 1, false);
      await cluster.run(RECOVERED_MS);
      expect(tables[0]?.size).toBe(5000);
      expect(rowsOf([tables[0]!])).toEqual(rowsOf([tables[1]!]));
    });
  });

  it('conformance 112: a hub that was killed and restarted is taken back and brought up to date', async () => {
    await withCluster({ size: 3, topology: 'star' }, async (cluster) => {
      const [, left, right] = cluster.declare('counts', durableCounts);
      left?.set('before', 1);
      await settle(cluster);
      cluster.crash(0);
      left?.set('meanwhile', 2);
      await cluster.run(60_000);
      const hub = (await cluster.start(0)).table('counts', durableCounts);
      expect([...hub]).toEqual([['before', 1]]);
      await cluster.run(RECOVERED_MS);
      hub.set('after', 3);
      await settle(cluster);
      const rows = [
        ['after', 3],
        ['before', 1],
        ['meanwhile', 2],
      ];
      expect(rowsOf([hub, left!, right!])).toEqual([rows, rows, rows]);
    });
  });

  it('conformance 113: a node that finds nobody keeps trying, for hours', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      await cluster.stop(0);
      const there = cluster.node(1).table('counts', counts).set('k', 1);
      await cluster.run(4 * 3_600_000);
      const here = (await cluster.start(0)).table('counts', counts);
      await cluster.run(RECOVERED_MS);
      expect(rowsOf([here])).toEqual(rowsOf([there]));
    });
  });

  it('conformance 115: rows can always be read; synced says whether they may be old', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [, there] = cluster.declare('counts', counts);
      there?.set('k', 1);
      await settle(cluster);
      const seen: boolean[] = [];
      there?.synced.subscribe((synced) => seen.push(synced));
      cluster.crash(0);
      await cluster.run(3_600_000);
      expect([there?.get('k'), seen]).toEqual([1, [true, false]]);
    });
  });

  it('conformance 117: a restarted node equals its peers once it has caught up', async () => {
    await withCluster({ size: 3, topology: 'star' }, async (cluster) => {
      const tables = cluster.declare('counts', durableCounts);
      for (let key = 0; key < 100; key++) tables[key % 3]?.set(`k${key}`, key);
      await settle(cluster);
      cluster.crash(2);
      tables[0]?.delete('k0');
      tables[1]?.set('k1', 1000);
      await settle(cluster);
      const again = (await cluster.start(2)).table('counts', durableCounts);
      await cluster.run(RECOVERED_MS);
      expect(rowsOf([again])).toEqual(rowsOf([tables[0]!]));
      expect(again.size).toBe(99);
    });
  });

  it('a node whose file is older than what its peers know takes back what it lost, under a new epoch', async () => {
    await withRestored(async (cluster, there) => {
      const node = await cluster.start(0);
      const again = node.table('counts', durableCounts);
      await cluster.run(RECOVERED_MS);
      expect(rowsOf([again])).toEqual(rowsOf([there]));
      expect(again.get('newer')).toBe(2);
      again.set('after', 3);
      await settle(cluster);
      expect(there.get('after')).toBe(3);
      expect(cluster.member(0).events.map(({ code }) => code)).toContain('epoch-began');
    });
  });

  it('and one that wrote before it met them is told, and keeps the two apart', async () => {
    await withRestored(async (cluster, there) => {
      const other = cluster.node(1).table('other', counts).set('k', 1);
      await cluster.start(0, (node) => void node.table('counts', durableCounts).set('at once', 3));
      await cluster.run(RECOVERED_MS);
      const codes = cluster.member(0).events.map(({ code }) => code);
      expect(codes).toContain('fork-detected');
      expect(codes).not.toContain('frame-refused');
      expect(codes).not.toContain('operations-refused');
      expect([...there.keys()].toSorted()).toEqual(['newer', 'old']);
      expect(rowsOf([cluster.node(0).table('other', counts)])).toEqual([[]]);
      await settle(cluster);
      expect(rowsOf([cluster.node(0).table('other', counts)])).toEqual(rowsOf([other]));
    });
  });
});

/** A pair of which the first node is down, with a disk from before its latest write. */
async function withRestored(
  test: (cluster: Cluster, there: MapTable<string, number | bigint>) => Promise<void>,
): Promise<void> {
  await withCluster({ size: 2 }, async (cluster) => {
    const [here, there] = cluster.declare('counts', durableCounts);
    here?.set('old', 1);
    await settle(cluster);
    const { disk } = cluster.member(0);
    const [segments, position] = [disk.segments.length, disk.lastPosition];
    here?.set('newer', 2);
    await settle(cluster);
    await cluster.stop(0);
    disk.segments.length = segments;
    disk.lastPosition = position;
    await test(cluster, there as MapTable<string, number | bigint>);
  });
}
