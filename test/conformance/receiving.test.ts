import { describe, expect, it } from 'vitest';
import type { PeerState } from '../../src/index.ts';
import { readLog } from '../support/read-log.ts';
import { counts, eventsOf, members, rowsOf, settle, told, withCluster } from './fixture.ts';
import { isAtServer } from '../support/cluster.ts';

describe('conformance: receiving', () => {
  it('conformance 29: what comes back to its author is not applied again', async () => {
    await withCluster({ size: 3, topology: 'ring' }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      const lines = tables.map((table) => told(table));
      tables[0]?.set('k', 1);
      await settle(cluster);
      tables[0]?.set('k', 2);
      await settle(cluster);
      for (const seen of lines) expect(seen).toEqual(['new k 1 -', 'changed k 2 1']);
      for (const index of [0, 1, 2]) expect(cluster.node(index).log.position).toBe(2);
    });
  });

  it('conformance 30: a remote operation is applied and passed on under its author’s name, never as one’s own', async () => {
    await withCluster({ size: 3, topology: 'chain' }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      tables[0]?.set('k', 1).set('l', 2);
      tables[0]?.delete('k');
      await settle(cluster);
      for (const index of [1, 2]) {
        const operations = await cluster.time.until(readLog(cluster.node(index)));
        expect(operations.map(({ origin, sequence }) => `${origin.split('@')[0]} ${sequence}`)).toEqual([
          'n0 1',
          'n0 2',
          'n0 3',
        ]);
      }
      expect(rowsOf(tables)).toEqual([[['l', 2]], [['l', 2]], [['l', 2]]]);
    });
  });

  it('conformance 31: remote changes are told as new or changed by what is here, removals with the old value', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('counts', counts);
      const lines = told(there!);
      here?.set('k', 1);
      await settle(cluster);
      there?.delete('k');
      here?.set('k', 2);
      await settle(cluster);
      here?.set('k', 3);
      await settle(cluster);
      here?.delete('k');
      await settle(cluster);
      expect(lines).toEqual(['new k 1 -', 'removed k - 1', 'new k 2 -', 'changed k 3 2', 'removed k - 3']);
    });
  });

  it('conformance 32: the delete of a key of several columns works', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('pairs', { key: ['string', 'count'], value: 'string' });
      here?.set(['a', 1], 'x').set(['a', 2], 'y').set(['b', 1], 'z');
      await settle(cluster);
      const lines = told(there!);
      here?.delete(['a', 2]);
      await settle(cluster);
      expect(lines).toEqual(['removed a,2 - y']);
      expect([...there!.keys()]).toEqual([
        ['a', 1],
        ['b', 1],
      ]);
    });
  });

  it('conformance 33: declared with other types, a table is not replicated, both sides say why, the rest goes on', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = [cluster.node(0), cluster.node(1)];
      const events = [eventsOf(here), eventsOf(there)];
      const texts = here.table('mixed', { key: 'string', value: 'string' }).set('k', 'one');
      const numbers = there.table('mixed', counts).set('k', 1);
      const [fine] = cluster.declare('counts', counts);
      fine?.set('k', 1);
      await settle(cluster);
      const said = ['value is here string and there count', 'value is here count and there string'];
      for (const [index, seen] of events.entries()) {
        const refused = seen.filter(({ code }) => code === 'table-refused');
        expect(refused).toHaveLength(1);
        expect(refused[0]).toMatchObject({ table: 'mixed', severity: 'error' });
        expect(refused[0]?.message).toContain(said[index]);
      }
      expect([texts.get('k'), numbers.get('k')]).toEqual(['one', 1]);
      expect(there.table('counts', counts).get('k')).toBe(1);
    });
  });

  it('conformance 34: a set and a table under one name are not replicated between them', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const events = eventsOf(cluster.node(1));
      cluster.node(0).table('mixed', members).add('k');
      if (isAtServer) await settle(cluster);
      const numbers = cluster.node(1).table('mixed', counts);
      await settle(cluster);
      expect(numbers.size).toBe(0);
      expect(events.map(({ code }) => code)).toContain('table-refused');
    });
  });

  it('conformance 36: operations of a table that is not declared here are not kept, and come when it is', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      cluster.node(0).table('counts', counts).set('k', 1);
      await settle(cluster);
      const node = cluster.node(1);
      expect([node.log.position, node.tables.size]).toEqual([0, 0]);
      let peers: readonly PeerState[] = [];
      node.peers.subscribe((now) => {
        peers = now;
      });
      expect(peers[0]?.tables.map(({ name }) => name)).toEqual(['counts']);
      const table = node.table('counts', counts);
      await settle(cluster);
      expect([...table]).toEqual([['k', 1]]);
    });
  });

  it('conformance 37: a row’s deadline counts from the author’s write, wherever and whenever it arrives', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('short', { ...counts, writeExpire: '10s' });
      cluster.setCut(0, 1, true);
      here?.set('k', 1);
      await cluster.run(8000);
      cluster.setCut(0, 1, false);
      await settle(cluster);
      expect(there?.has('k')).toBe(true);
      await cluster.run(2500);
      expect([here?.has('k'), there?.has('k')]).toEqual([false, false]);
    });
  });

  it('conformance 38: two subscribers that answer each other can go on for ever, but in order and without recursion', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      let depth = 0;
      let deepest = 0;
      for (const [index, table] of tables.entries()) {
        table.changes.subscribe(({ key, value, origin }) => {
          deepest = Math.max(deepest, ++depth);
          if (!origin.startsWith(`n${index}@`) && Number(value) < 200) table.set(key, Number(value) + 1);
          depth--;
        });
      }
      const lines = told(tables[0]!);
      tables[0]?.set('k', 1);
      await settle(cluster);
      expect(deepest).toBe(1);
      expect(lines).toHaveLength(200);
      expect(lines.slice(0, 3)).toEqual(['new k 1 -', 'changed k 2 1', 'changed k 3 2']);
    });
  });
});
