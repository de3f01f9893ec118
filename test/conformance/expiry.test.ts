import { describe, expect, it } from 'vitest';
import { readLog } from '../support/read-log.ts';
import { codeOf, counts, settle, told, withCluster } from './fixture.ts';

describe('conformance: expiry', () => {
  it('conformance 53: a row expires on every node, and each tells its subscribers once', async () => {
    await withCluster({ size: 3, topology: 'chain' }, async (cluster) => {
      const tables = cluster.declare('short', { ...counts, createExpire: '5s' });
      const lines = tables.map((table) => told(table));
      tables[1]?.set('k', 1);
      await cluster.run(8000);
      for (const seen of lines) expect(seen).toEqual(['new k 1 -', 'expired k - 1']);
      expect(tables.map(({ size }) => size)).toEqual([0, 0, 0]);
    });
  });

  it('conformance 54: with createExpire an overwrite does not prolong, on any node', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const tables = cluster.declare('short', { ...counts, createExpire: '10s' });
      tables[0]?.set('k', 1);
      await cluster.run(5000);
      tables[1]?.set('k', 2);
      await cluster.run(4000);
      tables[0]?.set('k', 3);
      expect(tables.map((table) => table.get('k'))).toEqual([3, 2]);
      await cluster.run(2000);
      expect(tables.map(({ size }) => size)).toEqual([0, 0]);
    });
  });

  it('conformance 55: with writeExpire an overwrite prolongs, on every node', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const tables = cluster.declare('short', { ...counts, writeExpire: '10s' });
      tables[0]?.set('k', 1);
      for (const index of [1, 0, 1]) {
        await cluster.run(8000);
        tables[index]?.set('k', index);
      }
      await cluster.run(9000);
      expect(tables.map(({ size }) => size)).toEqual([1, 1]);
      await cluster.run(2000);
      expect(tables.map(({ size }) => size)).toEqual([0, 0]);
    });
  });

  it('conformance 56: a lifetime of zero or less is refused at the declaration', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      for (const createExpire of [0, -1, '0s', Number.NaN, 'soon']) {
        expect(
          codeOf(() => cluster.node(0).table('short', { ...counts, createExpire: createExpire as 1 })),
        ).toBe('DECLARATION_INVALID');
      }
    });
  });

  it('conformance 57: the author lets a row go at its deadline; when it is gone, another does, a grace later', async () => {
    await withCluster({ size: 3, topology: 'star' }, async (cluster) => {
      const tables = cluster.declare('short', { ...counts, createExpire: '10s' });
      tables[1]?.set('author up', 1);
      tables[2]?.set('author gone', 1);
      await settle(cluster);
      cluster.crash(2);
      await cluster.run(10_000);
      expect([...(tables[0]?.keys() ?? [])]).toEqual(['author gone']);
      await cluster.run(4500);
      expect([tables[0]?.size, tables[1]?.size]).toEqual([0, 0]);
      const operations = await cluster.time.until(readLog(cluster.node(0)));
      const expiries = operations.filter(({ kind }) => kind === 'expire');
      expect(expiries[0]?.origin).toMatch(/^n1@/);
      expect(expiries[1]?.origin).toMatch(/^n[01]@/);
    });
  });

  it('conformance 59: an addition keeps the deadline with createExpire and prolongs with writeExpire', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [created, createdThere] = cluster.declare('created', { ...counts, createExpire: '10s' });
      const [written, writtenThere] = cluster.declare('written', { ...counts, writeExpire: '10s' });
      created?.increment('k');
      written?.increment('k');
      await cluster.run(6000);
      created?.increment('k');
      written?.increment('k');
      await cluster.run(5500);
      expect([created?.has('k'), createdThere?.has('k')]).toEqual([false, false]);
      expect([written?.get('k'), writtenThere?.get('k')]).toEqual([2, 2]);
    });
  });

  it('conformance 60: a row created again elsewhere has the time of its new creation everywhere', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('short', { ...counts, createExpire: '10s' });
      here?.set('k', 1);
      await settle(cluster);
      cluster.setCut(0, 1, true);
      await cluster.run(8000);
      here?.delete('k');
      here?.set('k', 2);
      cluster.setCut(0, 1, false);
      await cluster.run(9000);
      expect([here?.get('k'), there?.get('k')]).toEqual([2, 2]);
      await cluster.run(2000);
      expect([here?.size, there?.size]).toEqual([0, 0]);
    });
  });

  it('conformance 60: a deadline that passed never takes a newer write away', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('short', { ...counts, writeExpire: '10s' });
      here?.set('k', 1);
      await settle(cluster);
      cluster.setCut(0, 1, true);
      await cluster.run(8500);
      there?.set('k', 2);
      await cluster.run(1500);
      expect([here?.has('k'), there?.has('k')]).toEqual([false, true]);
      cluster.setCut(0, 1, false);
      await settle(cluster);
      expect([here?.get('k'), there?.get('k')]).toEqual([2, 2]);
    });
  });

  it('conformance 61: a row never goes before its deadline, and at most a second after it where it was written', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      for (const lifetime of [400, 5000, 60_000, 3_600_000]) {
        const table = cluster.node(0).table(`of_${lifetime}`, { ...counts, createExpire: lifetime });
        let goneAt = 0;
        table.changes.subscribe(({ kind }) => {
          if (kind === 'expired') goneAt = cluster.time.now;
        });
        table.set('k', 1);
        const writtenAt = cluster.time.now;
        await cluster.run(lifetime + 2000);
        expect(goneAt - writtenAt).toBeGreaterThanOrEqual(lifetime);
        expect(goneAt - writtenAt).toBeLessThanOrEqual(lifetime + Math.min(1000, lifetime / 10 + 20));
      }
    });
  });

  it('conformance 63: a deadline survives a restart', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      const short = { ...counts, backend: 'sqlite', createExpire: '60s' } as const;
      cluster.node(0).table('short', short).set('k', 1);
      await cluster.run(40_000);
      await cluster.stop(0);
      await cluster.run(5000);
      const node = await cluster.start(0);
      const table = node.table('short', short);
      expect(table.get('k')).toBe(1);
      await cluster.run(13_000);
      expect(table.has('k')).toBe(true);
      await cluster.run(3500);
      expect(table.has('k')).toBe(false);
    });
  });
});
