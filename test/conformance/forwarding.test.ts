import { describe, expect, it } from 'vitest';
import { readLog } from '../support/read-log.ts';
import { codeOf, counts, members, rowsOf, settle, told, withCluster } from './fixture.ts';

describe('conformance: forwarding', () => {
  it('conformance 14: inserts, overwrites and deletes at any node end up alike at all', async () => {
    await withCluster({ size: 3, topology: 'star' }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      for (const [index, table] of tables.entries()) table.set(`of ${index}`, 1).set(`gone ${index}`, 1);
      await settle(cluster);
      for (const [index, table] of tables.entries()) {
        table.set(`of ${(index + 1) % 3}`, 2);
        table.delete(`gone ${(index + 2) % 3}`);
      }
      await settle(cluster);
      const expected = [
        ['of 0', 2],
        ['of 1', 2],
        ['of 2', 2],
      ];
      expect(rowsOf(tables)).toEqual([expected, expected, expected]);
    });
  });

  it('conformance 15: every assignment is an operation, also an equal one', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('counts', counts);
      const lines = told(there!);
      here?.set('k', 7).set('k', 7);
      await settle(cluster);
      expect(lines).toEqual(['new k 7 -', 'changed k 7 7']);
      expect(await cluster.time.until(readLog(cluster.node(1)))).toHaveLength(2);
    });
  });

  it('conformance 16: an addition arrives as the resulting value', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here] = cluster.declare('counts', counts);
      here?.set('k', 5);
      expect(here?.increment('k', 3)).toBe(8);
      await settle(cluster);
      const operations = await cluster.time.until(readLog(cluster.node(1)));
      expect(operations.map(({ kind, value }) => [kind, value])).toEqual([
        ['set', 5],
        ['set', 8],
      ]);
    });
  });

  it('conformance 17: a bulk write is one operation per element, and one unit as a batch', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('members', members);
      const sizes: number[] = [];
      there?.changes.subscribe(() => sizes.push(there.size));
      cluster.node(0).batch(() => {
        for (const key of ['a', 'b', 'c']) here?.add(key);
      });
      await settle(cluster);
      expect(sizes).toEqual([3, 3, 3]);
      cluster.node(0).batch(() => {
        for (const key of ['a', 'b']) here?.delete(key);
      });
      await settle(cluster);
      expect(sizes).toEqual([3, 3, 3, 1, 1]);
      expect(await cluster.time.until(readLog(cluster.node(1)))).toHaveLength(5);
    });
  });

  it('conformance 18: the delete of a key that is absent here is sent, because another node may have it', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('counts', counts);
      cluster.setCut(0, 1, true);
      there?.set('k', 1);
      expect(here?.delete('k')).toBe(false);
      cluster.setCut(0, 1, false);
      await settle(cluster);
      expect(there?.has('k')).toBe(false);
    });
  });

  it('conformance 19: clear reaches every node', async () => {
    await withCluster({ size: 3, topology: 'chain' }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      tables[0]?.set('a', 1).set('b', 2);
      await settle(cluster);
      const lines = told(tables[2]!);
      tables[1]?.clear();
      await settle(cluster);
      expect(rowsOf(tables)).toEqual([[], [], []]);
      expect(lines).toEqual(['cleared a - 1', 'cleared b - 2']);
    });
  });

  it('conformance 20: an expiry is an operation that every node receives', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here] = cluster.declare('short', { ...counts, createExpire: '1s' });
      here?.set('k', 1);
      await cluster.run(2000);
      const operations = await cluster.time.until(readLog(cluster.node(1)));
      expect(operations.map(({ kind, key }) => `${kind} ${String(key)}`)).toEqual(['set k', 'expire k']);
      expect(operations[1]?.origin).toMatch(/^n0@/);
    });
  });

  it('conformance 21: a change inside a stored value throws; replacing the value is sent', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('records', {
        key: 'string',
        value: 'record',
        complexValues: true,
      });
      const original = { ports: [80] };
      here?.set('k', original);
      original.ports.push(81);
      const stored = here?.get('k') as typeof original;
      expect(() => stored.ports.push(443)).toThrow(TypeError);
      here?.set('k', { ports: [...stored.ports, 443] });
      await settle(cluster);
      expect([here?.get('k'), there?.get('k')]).toEqual([{ ports: [80, 443] }, { ports: [80, 443] }]);
    });
  });

  it('conformance 22: a table asked for again is the same table, and stays bound', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      let [here, there] = cluster.declare('counts', counts);
      here?.set('before', 1);
      here = cluster.node(0).table('counts', counts);
      here.set('after', 1);
      there?.set('back', 1);
      await settle(cluster);
      expect([here.size, there?.size]).toEqual([3, 3]);
    });
  });

  it('conformance 23: a copy is an ordinary Map, bound to nothing', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('counts', counts);
      here?.set('k', 1);
      const copy = new Map(here);
      copy.set('k', 2).set('only in the copy', 1);
      await settle(cluster);
      expect([here?.get('k'), there?.get('k'), there?.size]).toEqual([1, 1, 1]);
    });
  });

  it('conformance 24: reading a default writes nothing', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('defaulted', { ...counts, default: 5 });
      expect([here?.get('k'), here?.has('k'), here?.size]).toEqual([5, false, 0]);
      await settle(cluster);
      expect(cluster.node(1).log.position).toBe(0);
      expect(here?.increment('k')).toBe(6);
      await settle(cluster);
      expect(there?.get('k')).toBe(6);
    });
  });

  it('conformance 25: what is written before a peer is there reaches it when it comes', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      await cluster.stop(1);
      const here = cluster.node(0).table('counts', counts).set('early', 1);
      await cluster.run(60_000);
      const node = await cluster.start(1);
      await cluster.run(15_000);
      here.set('before the declaration', 2);
      await settle(cluster);
      const there = node.table('counts', counts);
      await settle(cluster);
      expect([...there]).toEqual([
        ['early', 1],
        ['before the declaration', 2],
      ]);
    });
  });

  it('conformance 26: a value or key of another type is refused at the write, and nothing is changed', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('counts', counts);
      const lines = told(here!);
      for (const value of [-1, 1.5, 2n ** 64n, '1', null, undefined, {}, Number.NaN, Symbol('s')]) {
        expect(codeOf(() => here?.set('k', value as number))).toBe('VALUE_INVALID');
      }
      for (const key of [1, null, undefined, ['k'], {}]) {
        expect(codeOf(() => here?.set(key as string, 1))).toBe('KEY_INVALID');
      }
      await settle(cluster);
      expect([lines, here?.size, there?.size, cluster.node(0).log.position]).toEqual([[], 0, 0, 0]);
    });
  });

  it('conformance 27: a key of several columns travels as a list in their order, a single one bare', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [pairs] = cluster.declare('pairs', { key: ['addr', 'port'] });
      const [single] = cluster.declare('single', { key: 'addr' });
      pairs?.add(['10.0.0.1', '443/tcp']);
      single?.add('10.0.0.1');
      await settle(cluster);
      const operations = await cluster.time.until(readLog(cluster.node(1)));
      expect(operations.map(({ key }) => key)).toEqual([['10.0.0.1', '443/tcp'], '10.0.0.1']);
    });
  });

  it('conformance 28: a write returns at once, whether a peer, the disk or nobody is there', async () => {
    await withCluster({ size: 2, commitMs: [5000, 5000] }, async (cluster) => {
      const table = cluster.node(0).table('slow', { ...counts, backend: 'sqlite' });
      cluster.setCut(0, 1, true);
      const before = cluster.time.now;
      expect(table.set('k', 1)).toBe(table);
      expect(table.get('k')).toBe(1);
      expect(cluster.time.now).toBe(before);
      cluster.setCut(0, 1, false);
    });
  });
});
