import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { filter, firstValueFrom, startWith } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { MapTable, TypeName } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { inProcessNetwork } from '../../src/transport/in-process.ts';
import { codeOf, counts, eventsOf, settle, told, withCluster } from './fixture.ts';
import { exactly } from '../../src/schema/exactly.ts';

/** Values of every atomic type whose exact return is not a matter of course. */
const samples: readonly (readonly [TypeName, readonly unknown[]])[] = [
  ['bool', [true, false]],
  ['count', [0, 2 ** 53 - 1, 2n ** 53n, 2n ** 64n - 1n]],
  ['int', [0, -1, -(2n ** 63n), 2n ** 63n - 1n]],
  ['double', [-0, 1.5, Number.MIN_VALUE, Number.MAX_VALUE, Infinity, Number.NaN]],
  ['string', ['', 'a\u0000b', 'Zürich 🙂']],
  ['addr', ['10.0.0.1', '2001:db8::1']],
  ['subnet', ['10.0.0.0/8', '2001:db8::/32']],
  ['port', ['443/tcp', '53/udp']],
  ['time', [1_767_225_600_123_456_789n]],
  ['interval', [-1n, 1_500_000_001n]],
  ['enum', ['Notice::LOG']],
  ['pattern', ['/foo|bar/']],
];

describe('conformance: operations of a table', () => {
  it('conformance 85: reading agrees on all nodes; an absent key is undefined, or the default, and not there', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      tables[0]?.set('a', 1).set('b', 2);
      await settle(cluster);
      for (const table of tables) {
        expect([...table.keys()]).toEqual(['a', 'b']);
        expect([...table.values()]).toEqual([1, 2]);
        expect([...table.entries()]).toEqual([
          ['a', 1],
          ['b', 2],
        ]);
        expect([table.get('a'), table.has('a'), table.size]).toEqual([1, true, 2]);
        expect([table.get('absent'), table.has('absent')]).toEqual([undefined, false]);
      }
    });
  });

  it('conformance 87: an addition to an absent key creates it; one below zero of a count changes nothing', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('counts', counts);
      expect(here?.increment('k', 2)).toBe(2);
      expect(codeOf(() => here?.increment('k', -3))).toBe('VALUE_INVALID');
      expect(codeOf(() => here?.increment('absent', -1))).toBe('VALUE_INVALID');
      await settle(cluster);
      expect([...there!]).toEqual([['k', 2]]);
    });
  });

  it('conformance 88: an addition to values that are no numbers, or of none, changes nothing', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const texts = cluster.node(0).table('texts', { key: 'string', value: 'string' }).set('k', '1');
      const numbers = cluster.node(0).table('counts', counts).set('k', 1);
      expect(codeOf(() => texts.increment('k'))).toBe('VALUE_INVALID');
      for (const by of [0.5, Number.NaN, '1']) {
        expect(codeOf(() => numbers.increment('k', by as number))).toBe('VALUE_INVALID');
      }
      expect([texts.get('k'), numbers.get('k'), cluster.node(0).log.position]).toEqual(['1', 1, 2]);
    });
  });

  it('conformance 91: clear empties every copy and tells of each row once', async () => {
    await withCluster({ size: 3, topology: 'star' }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      for (const [index, table] of tables.entries()) table.set(`of ${index}`, index);
      await settle(cluster);
      const lines = tables.map((table) => told(table));
      tables[2]?.clear();
      await settle(cluster);
      for (const [index, seen] of lines.entries()) {
        expect(seen.toSorted()).toEqual(['cleared of 0 - 0', 'cleared of 1 - 1', 'cleared of 2 - 2']);
        expect(tables[index]?.size).toBe(0);
      }
    });
  });

  it('conformance 92: the delete of an absent key is no error', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      expect(cluster.node(0).table('counts', counts).delete('absent')).toBe(false);
    });
  });

  it('conformance 93: every node tells the same story: new, changed with the old value, removed, cleared', async () => {
    await withCluster({ size: 3, topology: 'chain' }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      const lines = tables.map((table) => told(table));
      tables[0]?.set('k', 1).set('k', 2).set('l', 3);
      tables[0]?.delete('k');
      tables[0]?.clear();
      await settle(cluster);
      for (const seen of lines) {
        expect(seen).toEqual(['new k 1 -', 'changed k 2 1', 'new l 3 -', 'removed k - 2', 'cleared l - 3']);
      }
    });
  });

  it('conformance 94: reading never waits; synced says whether the peers’ rows are here', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const here = cluster.node(0).table('counts', counts).set('k', 1);
      await settle(cluster);
      await cluster.stop(1);
      const seen: string[] = [];
      await cluster.start(1, (node) => {
        const table = node.table('counts', counts);
        table.synced.subscribe((synced) => seen.push(`${String(synced)} with ${table.size}`));
      });
      await cluster.run(15_000);
      expect(seen).toEqual(['false with 0', `true with ${here.size}`]);
    });
  });

  it('conformance 95: a closed node refuses writes with a typed error, closes twice, and still reads', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const node = cluster.node(0);
      const table = node.table('counts', counts).set('k', 1);
      await cluster.stop(0);
      for (const write of [() => table.set('k', 2), () => table.delete('k'), () => table.clear()]) {
        expect(codeOf(write)).toBe('CLOSED');
      }
      expect(codeOf(() => node.table('more', counts))).toBe('CLOSED');
      await expect(node.flush()).rejects.toMatchObject({ code: 'CLOSED' });
      await node.close();
      expect(table.get('k')).toBe(1);
    });
  });

  it('conformance 96: a second node of the same id is refused, on both sides, with the reason', async () => {
    const network = inProcessNetwork();
    // The one that dials is there first, so that what it is told is heard from the beginning.
    const second = await openNodeOf(
      { id: 'twin', peers: ['ws://first'] },
      { transport: network.transport('ws://second') },
    );
    const refused = firstValueFrom(second.events.pipe(filter(({ code }) => code === 'node-id-twice')));
    const first = await openNodeOf(
      { id: 'twin', listen: { port: 0 } },
      { transport: network.transport('ws://first') },
    );
    const events = eventsOf(first);
    expect((await refused).message).toContain('twin');
    expect(events.map(({ code }) => code)).toContain('node-id-twice');
    expect(events.map(({ code }) => code)).not.toContain('peer-connected');
    await second.close();
    await first.close();
  });

  it('conformance 97: every type comes back exactly, through memory, disk and the network', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'tablecast-conformance-'));
    const network = inProcessNetwork();
    try {
      for (let life = 0; life < 2; life++) {
        const near = await openNodeOf(
          { id: 'near', directory, listen: { port: 0 } },
          { transport: network.transport('ws://near') },
        );
        const far = await openNodeOf(
          { id: 'far', peers: ['ws://near'] },
          { transport: network.transport('ws://far') },
        );
        for (const [type, values] of samples) {
          const durable = near.table(
            `values_${type}`,
            exactly({ key: 'count', value: type, backend: 'sqlite' }),
          ) as unknown as MapTable;
          const copy = far.table(
            `values_${type}`,
            exactly({ key: 'count', value: type }),
          ) as unknown as MapTable;
          if (life === 0) for (const [key, value] of values.entries()) durable.set(key, value);
          await firstValueFrom(
            copy.changes.pipe(
              startWith(0),
              filter(() => copy.size === values.length),
            ),
          );
          expect([...durable.values()]).toEqual(values);
          expect([...copy.values()]).toEqual(values);
        }
        await far.close();
        await near.close();
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
