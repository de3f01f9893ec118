/** Tables compared, and made equal, by nodes that have nothing but a carrier between them. */
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryCarrier, type MemoryCarrierOptions } from '../../src/carrier/memory-carrier.ts';
import { SeededRandom } from '../../src/simulation/seeded-random.ts';
import { Cluster } from '../../src/simulation/cluster.ts';
import type { TableNode } from '../../src/index.ts';
import { reported, truth } from '../modes/oracle.ts';
import { sorted } from '../modes/storm.ts';
import { codesOf } from './carried.ts';

const declaration = { key: 'string', value: 'count' } as const;
const clusters: Cluster[] = [];

afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.close();
});

const declare = (node: TableNode) => node.table('t', declaration);

async function carried(size: number, options: MemoryCarrierOptions = {}) {
  const memory = new MemoryCarrier('memory://tests', {
    defer: (task) => void cluster.time.schedule(1, task),
    ...options,
  });
  const cluster: Cluster = new Cluster({ size, topology: [], carrier: { memory } });
  clusters.push(cluster);
  for (const { index } of cluster.members) await cluster.start(index, (node) => void declare(node));
  await cluster.run(2000);
  const tables = cluster.members.map(({ up }) => declare(up));
  return { cluster, memory, tables };
}

/** Nodes of which the first two wrote the same keys at one time, and one removed what the other wrote. */
async function diverged(size: number, options: MemoryCarrierOptions = {}) {
  const nodes = await carried(size, options);
  const { cluster, tables } = nodes;
  for (let key = 0; key < 100; key++) tables[0]!.set(`same${key}`, key);
  tables[0]!.set('gone', 3);
  await cluster.run(1000);
  tables[0]!.set('both', 1);
  tables[1]!.set('both', 2);
  tables[0]!.set('gone', 4);
  tables[1]!.delete('gone');
  await cluster.run(15_000);
  return nodes;
}

/** Checks that each node names what it differs in from every other, and nothing else. */
function expectTruth({ cluster, tables }: Awaited<ReturnType<typeof carried>>): void {
  const all = new Map(cluster.members.map(({ id }, at) => [id, tables[at]!]));
  const ids = [...all.keys()];
  for (const [index, table] of tables.entries()) {
    const others = ids.filter((id) => id !== `n${index}`);
    expect(reported(table), `n${index}`).toEqual(truth(cluster.node(index), all, others));
  }
}

describe('differences across a carrier', () => {
  it('are named key by key, with both values, at every node, and are told', async () => {
    const nodes = await diverged(3);
    expectTruth(nodes);
    const [one, other] = nodes.tables.map(reported);
    expect(one).toContain('n1 both 2 1');
    expect(other).toContain('n0 both 1 2');
    expect(codesOf(nodes.cluster, 0)).toContain('table-diverged');
  });

  it('are found where messages hold a piece of an answer, and every seventeenth note is lost', async () => {
    let count = 0;
    const nodes = await diverged(3, { maxMessageBytes: 1024, loses: () => ++count % 17 === 0 });
    await nodes.cluster.run(300_000);
    expectTruth(nodes);
    expect(nodes.tables.map((table) => reported(table).length > 0)).toEqual([true, true, true]);
  });

  it('are found in ten minutes although a quarter of all notes is lost, which begins a comparison anew', async () => {
    const random = new SeededRandom(3);
    const nodes = await diverged(3, { loses: () => random.next() < 0.25 });
    await nodes.cluster.run(600_000);
    expectTruth(nodes);
    expect(nodes.tables.map((table) => reported(table).length)).toEqual([2, 4, 2]);
  });

  it.each(['n0', 'n1', 'n2'])('are ended at every node by a repair from %s, which is told', async (from) => {
    const nodes = await diverged(3);
    const { cluster, tables } = nodes;
    const wanted = sorted(tables[Number(from.slice(1))]!);
    const planned = await cluster.time.until(tables[0]!.repair({ from, dryRun: true }));
    expect(planned).toBeGreaterThan(0);
    expect(await cluster.time.until(tables[0]!.repair({ from }))).toBe(planned);
    await cluster.run(10_000);
    for (const table of tables) expect(sorted(table)).toEqual(wanted);
    expect(tables.map(reported)).toEqual([[], [], []]);
    expect(
      codesOf(cluster, 0)
        .filter((code) => code.startsWith('table-'))
        .at(-1),
    ).toBe('table-agrees');
  });

  it('are found by a node that comes later, and by those that were there', async () => {
    const nodes = await carried(3);
    const { cluster, tables } = nodes;
    cluster.member(2).carrier?.setAway(true);
    tables[0]!.set('k', 1);
    await cluster.run(2000);
    tables[2]!.set('k', 2);
    await cluster.run(10_000);
    expect(tables.map(reported)).toEqual([[], [], []]);
    cluster.member(2).carrier?.setAway(false);
    await cluster.run(20_000);
    expectTruth(nodes);
    expect(reported(tables[2]!)).toHaveLength(2);
  });

  it('are not known any more of a node that does not answer for long', async () => {
    const { cluster, tables } = await diverged(2);
    expect(reported(tables[0]!).length).toBeGreaterThan(0);
    cluster.crash(1);
    await cluster.run(600_000);
    expect(reported(tables[0]!)).toEqual([]);
  });

  it('are told to be unknown where a repair names a node that is not there', async () => {
    const { cluster, tables } = await diverged(2);
    const repair = tables[0]!.repair({ from: 'nobody' });
    await expect(cluster.time.until(repair)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    expect(await cluster.time.until(tables[0]!.repair({ from: 'n0' }))).toBeGreaterThan(0);
  });

  it('cost at rest what a few nodes say, however many there are, and later almost nothing', async () => {
    let notes = 0;
    const loses = (): boolean => {
      notes++;
      return false;
    };
    const { cluster, tables } = await carried(20, { loses });
    await cluster.run(10_000);
    notes = 0;
    tables[0]!.set('k', 1);
    await cluster.run(10_000);
    expect(notes).toBeGreaterThan(0);
    expect(notes).toBeLessThanOrEqual(12);
    notes = 0;
    await cluster.run(600_000);
    expect(notes).toBeLessThanOrEqual(60);
  });
});
