import { describe, expect, it } from 'vitest';
import type { TableNode } from '../../src/index.ts';
import { createCluster } from '../support/cluster.ts';

const forked = { key: 'string', value: 'count', backend: 'sqlite' } as const;

describe('a node that wrote one table on an old copy of its directory, and not another', () => {
  // Tables are compared in the order in which they were declared.
  it.each([
    ['before', ['forked', 'untouched']],
    ['after', ['untouched', 'forked']],
  ] as const)(
    'stays apart in that table although another, compared %s it, makes it begin a new life',
    async (_, names) => {
      const cluster = await createCluster({ size: 2, topology: 'pair' });
      const declareBoth = (node: TableNode): void => {
        for (const name of names) node.table(name, forked);
      };
      const at = (index: number, name: string) => cluster.node(index).table(name, forked);
      for (const { up } of cluster.members) declareBoth(up);
      await cluster.run(1000);
      for (const name of names) at(0, name).set('kept', 1);
      await cluster.run(100);
      const { disk } = cluster.member(0);
      const copy = disk.copy();
      for (const value of [1, 2, 3]) for (const name of names) at(0, name).set('newer than the copy', value);
      await cluster.run(100);
      await cluster.stop(0);
      disk.restore(copy);
      cluster.setCut(0, 1, true);
      await cluster.start(0, declareBoth);
      at(0, 'forked').set('written on the copy', 1);
      await cluster.run(100);
      cluster.setCut(0, 1, false);
      await cluster.run(60_000);
      // Also when they meet again.
      cluster.reset(0, 1);
      await cluster.run(60_000);
      for (const index of [0, 1]) for (const name of names) at(index, name).set(`by n${index}`, 1);
      await cluster.run(1000);
      const { events } = cluster.member(0);
      expect(events.map(({ code }) => code)).toContain('epoch-began');
      const forks = events.filter(({ code }) => code === 'fork-detected');
      expect(forks.length).toBeGreaterThan(0);
      expect(new Set(forks.map(({ table }) => table))).toEqual(new Set(['forked']));
      const keys = (index: number, name: string) => [...at(index, name).keys()].toSorted();
      expect(keys(0, 'forked')).toEqual(['by n0', 'kept', 'written on the copy']);
      expect(keys(1, 'forked')).toEqual(['by n1', 'kept', 'newer than the copy']);
      const all = ['by n0', 'by n1', 'kept', 'newer than the copy'];
      expect([keys(0, 'untouched'), keys(1, 'untouched')]).toEqual([all, all]);
      await cluster.close();
    },
  );
});
