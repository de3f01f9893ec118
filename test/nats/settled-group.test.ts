import { expect, it } from 'vitest';
import { Cluster } from '../../src/simulation/cluster.ts';
import { NatsServer, missing } from './server.ts';
import { settledGroup } from './settled-group.ts';

const declaration = { key: 'string', value: 'count', mode: 'lww' } as const;

it.skipIf(missing !== undefined)(
  'nodes on virtual time share a real server: what is written is everywhere a second later, and after a cut',
  async () => {
    await using server = await NatsServer.start();
    const cluster = new Cluster({ size: 3, carrier: settledGroup(server.url) });
    try {
      for (const { index } of cluster.members) await cluster.start(index);
      const tables = cluster.declare('t', declaration);
      for (const [index, table] of tables.entries()) table.set(`of ${index}`, index);
      await cluster.run(1000);
      expect(tables.map(({ size }) => size)).toEqual([3, 3, 3]);
      cluster.setCut(0, 1, true);
      tables[0]?.set('while cut off', 1);
      await cluster.run(20_000);
      expect(tables.map((table) => table.has('while cut off'))).toEqual([true, false, false]);
      cluster.setCut(0, 1, false);
      await cluster.run(15_000);
      expect(tables.map((table) => table.has('while cut off'))).toEqual([true, true, true]);
    } finally {
      await cluster.close();
    }
  },
);
