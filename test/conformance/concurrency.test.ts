import { describe, expect, it } from 'vitest';
import { concurrently, conflictsOf, counts, members, rowsOf, settle, told, withCluster } from './fixture.ts';

describe('conformance: concurrency in naive mode', () => {
  it('conformance 39: rows are the fold of the node’s own log, there is no second copy to differ from', async () => {
    await withCluster({ size: 3, topology: 'ring' }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      await concurrently(cluster, ...tables.map((table, index) => () => void table.set('k', index)));
      tables[0]?.clear();
      await concurrently(cluster, ...tables.map((table, index) => () => void table.set(`k${index}`, index)));
      for (const [index, table] of tables.entries()) {
        const state = await cluster.time.until(cluster.node(index).log.stateAt({ table: 'counts' }));
        expect([...state]).toEqual([...table]);
      }
    });
  });

  it('conformance 40: two concurrent writes are exchanged, and both nodes report it', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [a, b] = cluster.declare('counts', counts);
      const conflicts = [conflictsOf(a!), conflictsOf(b!)];
      await concurrently(
        cluster,
        () => a?.set('k', 1),
        () => b?.set('k', 2),
      );
      expect([a?.get('k'), b?.get('k')]).toEqual([2, 1]);
      expect(conflicts).toEqual([['k: 2 over 1'], ['k: 1 over 2']]);
    });
  });

  it('conformance 41: of n concurrent writers each ends with another’s value, and every overwriting is reported', async () => {
    await withCluster({ size: 4, topology: 'mesh' }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      const conflicts = tables.map((table) => conflictsOf(table));
      const lines = tables.map((table) => told(table));
      await concurrently(cluster, ...tables.map((table, index) => () => void table.set('k', index)));
      for (const [index, table] of tables.entries()) {
        expect(table.get('k')).not.toBe(index);
        expect(conflicts[index]).toHaveLength(3);
        expect(conflicts[index]?.at(-1)?.split(' ')[1]).toBe(String(table.get('k')));
        expect(lines[index]).toHaveLength(4);
      }
    });
  });

  it('conformance 43: writes that follow one another leave no difference and report no conflict', async () => {
    await withCluster({ size: 3, topology: 'star' }, async (cluster) => {
      const tables = cluster.declare('counts', counts);
      const conflicts = tables.map((table) => conflictsOf(table));
      for (let round = 0; round < 9; round++) {
        tables[round % 3]?.set('k', round);
        await settle(cluster);
      }
      expect(rowsOf(tables)).toEqual([[['k', 8]], [['k', 8]], [['k', 8]]]);
      expect(conflicts).toEqual([[], [], []]);
    });
  });

  it('conformance 44: of a concurrent delete and write each node keeps the other’s, and the lost row is reported', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [a, b] = cluster.declare('counts', counts);
      a?.set('k', 1);
      await settle(cluster);
      const conflicts = [conflictsOf(a!), conflictsOf(b!)];
      await concurrently(
        cluster,
        () => a?.delete('k'),
        () => b?.set('k', 2),
      );
      expect([a?.get('k'), b?.get('k')]).toEqual([2, undefined]);
      expect(conflicts[1]).toEqual(['k: - over 2']);
    });
  });

  it('conformance 46: the delete of a key that nobody has is logged everywhere and changes nothing', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [a, b] = cluster.declare('counts', counts);
      const lines = [told(a!), told(b!)];
      a?.delete('nobody has it');
      await settle(cluster);
      expect(lines).toEqual([[], []]);
      expect(cluster.node(1).log.position).toBe(1);
    });
  });

  it('conformance 47: concurrent additions to an equal count lose one, and say so', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [a, b] = cluster.declare('counts', counts);
      a?.set('k', 5);
      await settle(cluster);
      const conflicts = [conflictsOf(a!), conflictsOf(b!)];
      await concurrently(
        cluster,
        () => a?.increment('k'),
        () => b?.increment('k'),
      );
      expect([a?.get('k'), b?.get('k')]).toEqual([6, 6]);
      expect(conflicts).toEqual([['k: 6 over 6'], ['k: 6 over 6']]);
    });
  });

  it('conformance 48: concurrent additions to a set converge', async () => {
    await withCluster({ size: 3, topology: 'star' }, async (cluster) => {
      const tables = cluster.declare('members', members);
      await concurrently(
        cluster,
        ...tables.map((table, index) => () => void table.add('common').add(`of ${index}`)),
      );
      const expected = ['common', 'of 0', 'of 1', 'of 2'];
      expect(rowsOf(tables)).toEqual([expected, expected, expected]);
    });
  });

  it('conformance 49: nothing waits between log and table: an operation is in the rows when its change is told', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [a, b] = cluster.declare('counts', counts);
      const seen: unknown[] = [];
      b?.changes.subscribe(({ key }) => seen.push([b.get(key), cluster.node(1).log.position]));
      a?.set('k', 1).set('l', 2);
      await settle(cluster);
      expect(seen).toEqual([
        [1, 2],
        [2, 2],
      ]);
    });
  });

  it('conformance 50: a row that only the newcomer wrote survives its first synchronization; a common one is a reported conflict', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const a = cluster.node(0).table('counts', counts).set('common', 1).set('old', 1);
      await settle(cluster);
      const b = cluster.node(1).table('counts', counts).set('common', 2).set('mine', 2);
      const conflicts = [conflictsOf(a), conflictsOf(b)];
      await settle(cluster);
      expect([a.get('mine'), b.get('mine'), b.get('old')]).toEqual([2, 2, 1]);
      expect(conflicts).toEqual([['common: 2 over 1'], ['common: 1 over 2']]);
    });
  });

  it('conformance 51: the next write or delete by one author heals a difference', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [a, b] = cluster.declare('counts', counts);
      await concurrently(
        cluster,
        () => a?.set('k', 1).set('l', 1),
        () => b?.set('k', 2).set('l', 2),
      );
      expect(rowsOf([a!])).not.toEqual(rowsOf([b!]));
      const conflicts = [conflictsOf(a!), conflictsOf(b!)];
      b?.set('k', 3).delete('l');
      await settle(cluster);
      expect(rowsOf([a!, b!])).toEqual([[['k', 3]], [['k', 3]]]);
      expect(conflicts).toEqual([[], []]);
    });
  });

  it('conformance 52: one node’s writes appear everywhere in its order, and as a batch together', async () => {
    await withCluster({ size: 3, topology: 'chain' }, async (cluster) => {
      const [a, , c] = cluster.declare('counts', counts);
      const [, , other] = cluster.declare('other', { ...counts, backend: 'sqlite' });
      const first = cluster.node(0).table('other', { ...counts, backend: 'sqlite' });
      const lines = told(c!);
      for (let round = 0; round < 50; round++) {
        a?.set(`k${round % 7}`, round);
        if (round % 10 === 0) await cluster.run(3);
      }
      await settle(cluster);
      expect(lines.map((line) => Number(line.split(' ')[2]))).toEqual(
        Array.from({ length: 50 }, (_, n) => n),
      );
      const together: unknown[] = [];
      c?.changes.subscribe(() => together.push([c.get('x'), c.get('y')]));
      cluster.node(0).batch(() => {
        a?.set('x', 1);
        first.set('z', 1);
        a?.set('y', 1);
      });
      await settle(cluster);
      expect(together).toEqual([
        [1, 1],
        [1, 1],
      ]);
      expect(other?.get('z')).toBe(1);
    });
  });
});
