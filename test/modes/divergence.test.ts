import { afterEach, describe, expect, it } from 'vitest';
import { type Cluster, createCluster } from '../support/cluster.ts';
import { connectedWith } from '../support/connected-with.ts';
import { reported, truth } from './oracle.ts';
import { Storm, type StormTable, sorted } from './storm.ts';

const declaration = { key: 'string', value: 'count' } as const;
const clusters: Cluster[] = [];

afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.close();
});

async function diverged(size = 2): Promise<{ cluster: Cluster; tables: StormTable[] }> {
  const cluster = await createCluster({ size, topology: 'mesh' });
  clusters.push(cluster);
  const tables: StormTable[] = cluster.declare('t', declaration);
  await cluster.run(1000);
  for (let key = 0; key < 100; key++) tables[0]!.set(`same${key}`, key);
  await cluster.run(1000);
  tables[0]!.set('both', 1);
  tables[1]!.set('both', 2);
  tables[0]!.set('gone', 3);
  await cluster.run(5);
  tables[0]!.set('gone', 4);
  tables[1]!.delete('gone');
  await cluster.run(10_000);
  return { cluster, tables };
}

describe('table.divergence', () => {
  it('names exactly the keys that differ, with both values and both writes', async () => {
    const { tables } = await diverged();
    const lists = tables.map(reported);
    expect(lists[0]).toEqual(['n1 both 2 1', 'n1 gone undefined 4']);
    expect(lists[1]).toEqual(['n0 both 1 2', 'n0 gone 4 undefined']);
    tables[0]!.divergence.subscribe(([both]) => {
      expect(both?.here?.origin).toMatch(/^n1@/);
      expect(both?.there?.origin).toMatch(/^n0@/);
      expect([both?.here?.sequence, both?.there?.sequence]).toEqual([1, 101]);
    });
  });

  it('tells an operator when a table diverges and when it agrees again', async () => {
    const { cluster, tables } = await diverged();
    await cluster.time.until(tables[0]!.repair({ from: 'n1' }));
    await cluster.run(5000);
    for (const { events } of cluster.members) {
      const codes = events.filter(({ table }) => table === 't').map(({ code }) => code);
      expect(codes).toEqual(['table-diverged', 'table-agrees']);
    }
  });

  it('costs less than 150 bytes each time a table that agrees comes to rest, and nothing at rest', async () => {
    const cluster = await createCluster({ size: 2 });
    clusters.push(cluster);
    const [one] = cluster.declare('t', declaration);
    await cluster.run(3000);
    let bytes = 0;
    const digests = 11;
    cluster.network.observe = ({ frame }) => {
      if ((frame[0] as number) >= digests) bytes += frame.length;
    };
    one!.set('k', 1);
    await cluster.run(5000);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(150);
    bytes = 0;
    await cluster.run(60_000);
    expect(bytes).toBe(0);
  });

  it('finds ten differences in 100,000 rows with less than 100 kB of traffic', async () => {
    const cluster = await createCluster({ size: 2 });
    clusters.push(cluster);
    const [one, two] = cluster.declare('t', declaration);
    for (let key = 0; key < 100_000; key++) one!.set(`key${key}`, key);
    await cluster.run(5000);
    for (let key = 0; key < 10; key++) {
      one!.set(`key${key * 7919}`, 1_000_001);
      two!.set(`key${key * 7919}`, 1_000_002);
    }
    let bytes = 0;
    cluster.network.observe = ({ frame }) => {
      if ((frame[0] as number) >= 11) bytes += frame.length;
    };
    await cluster.run(5000);
    expect(reported(one!)).toHaveLength(10);
    expect(reported(two!)).toHaveLength(10);
    expect(bytes).toBeLessThan(100_000);
  });

  it('is as long as the differences are true, on every seed', async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const storm = new Storm({ seed, mode: 'naive', backend: seed % 2 === 0 ? 'sqlite' : 'memory' });
      await storm.start();
      await storm.blow();
      await storm.calm(45_000);
      const tables = new Map(storm.cluster.members.map(({ id, up }) => [id, storm.declare(up)]));
      for (const { id, up } of storm.cluster.members) {
        expect(connectedWith(up).length, `seed ${seed}`).toBeGreaterThan(0);
        expect(reported(tables.get(id)!), `${id}, seed ${seed}`).toEqual(truth(up, tables));
      }
      await storm.cluster.close();
    }
  });
});

describe('table.repair', () => {
  it.each(['n0', 'n1'])('makes both sides what %s has', async (from) => {
    const { cluster, tables } = await diverged();
    const wanted = sorted(tables[from === 'n0' ? 0 : 1]!);
    expect(await cluster.time.until(tables[0]!.repair({ from }))).toBe(2);
    await cluster.run(5000);
    expect(tables.map(sorted)).toEqual([wanted, wanted]);
    expect(tables.map(reported)).toEqual([[], []]);
  });

  it('changes nothing, and says so, when there is nothing to repair', async () => {
    const { cluster, tables } = await diverged();
    await cluster.time.until(tables[0]!.repair({ from: 'n1' }));
    await cluster.run(1000);
    expect(await cluster.time.until(tables[0]!.repair({ from: 'n1' }))).toBe(0);
  });

  it('refuses a node it is not connected with', async () => {
    const { cluster, tables } = await diverged();
    await expect(cluster.time.until(tables[0]!.repair({ from: 'nobody' }))).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
  });

  it('ends every storm with equal rows when the node in the middle repairs', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const storm = new Storm({ seed, mode: 'naive' });
      await storm.start();
      await storm.blow();
      await storm.calm(45_000);
      const middle = storm.cluster.members.reduce((one, other) =>
        connectedWith(other.up).length > connectedWith(one.up).length ? other : one,
      );
      await storm.cluster.time.until(storm.declare(middle.up).repair({ from: middle.id }));
      await storm.cluster.run(5000);
      const rows = storm.tables().map(sorted);
      expect(rows, `seed ${seed}`).toEqual(rows.map(() => rows[0]));
      await storm.cluster.close();
    }
  });
});
