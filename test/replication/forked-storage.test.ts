import { describe, expect, it } from 'vitest';
import type { TableNode } from '../../src/index.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';
import type { Cluster, ClusterOptions } from '../support/cluster.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';

const forked = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const sound = { key: 'string', value: 'count', backend: 'memory' } as const;
const createCluster = clustersOfATest();

/** Time in which nodes meet again, also when one of them notices late that the other was gone. */
const MET_MS = 60_000;

function declare(node: TableNode): void {
  node.table('forked', forked);
  node.table('sound', sound);
}

function write(cluster: Cluster, index: number, key: string, value = 1): void {
  cluster.node(index).table('forked', forked).set(key, value);
}

function keys(cluster: Cluster, index: number): string[] {
  return [...cluster.node(index).table('forked', forked).keys()].toSorted();
}

/** Which nodes said that a table parted, one entry each time. */
function told(cluster: Cluster): string[] {
  return cluster.members.flatMap(({ id, events }) =>
    events.filter(({ code, table }) => code === 'fork-detected' && table === 'forked').map(() => id),
  );
}

function codes(cluster: Cluster): string[] {
  return cluster.members.flatMap(({ events }) => events.map(({ code }) => code));
}

/** Nodes that are connected and hold `kept` of the first, whose disk was copied then. */
async function begun(
  size: number,
  options: Partial<ClusterOptions> = {},
): Promise<{ cluster: Cluster; putBack: () => Promise<void> }> {
  const cluster = await createCluster({ size, topology: 'both', ...options });
  for (const { up } of cluster.members) declare(up);
  await cluster.run(1000);
  write(cluster, 0, 'kept');
  await cluster.run(1000);
  const { disk } = cluster.member(0);
  const copy = disk.copy();
  return {
    cluster,
    putBack: async () => {
      cluster.crash(0);
      disk.restore(copy);
      await cluster.start(0, declare);
    },
  };
}

async function written(cluster: Cluster, index: number, names: readonly string[]): Promise<void> {
  for (const name of names) write(cluster, index, name);
  await cluster.run(100);
}

function isolate(cluster: Cluster, index: number, cut: boolean): void {
  for (const other of cluster.members) if (other.index !== index) cluster.setCut(index, other.index, cut);
}

describe('a node started from an old copy of its directory that wrote before it met its peers', () => {
  it('says so once; the connection and all other tables go on', async () => {
    const { cluster, putBack } = await begun(2);
    await written(cluster, 0, ['lost', 'lost too', 'lost as well']);
    isolate(cluster, 0, true);
    await putBack();
    await written(cluster, 0, ['written on the copy']);
    isolate(cluster, 0, false);
    await cluster.run(MET_MS);
    for (const { up } of cluster.members) up.table('sound', sound).set(up.id, 1);
    write(cluster, 1, 'of the other');
    await cluster.run(1000);
    expect(told(cluster)).toEqual(['n0', 'n1']);
    expect(codes(cluster)).not.toContain('frame-refused');
    expect(codes(cluster)).not.toContain('operations-refused');
    for (const { up } of cluster.members) expect(up.table('sound', sound).size).toBe(2);
    expect(keys(cluster, 0)).toEqual(['kept', 'written on the copy']);
  });

  it.each([
    ['as many operations as were lost', 2],
    ['more operations than were lost', 5],
  ])('is told so when it wrote %s, and nothing of it is mixed', async (_, count) => {
    const { cluster, putBack } = await begun(2);
    await written(cluster, 0, ['lost', 'lost too']);
    isolate(cluster, 0, true);
    await putBack();
    const names = Array.from({ length: count }, (__, index) => `of the copy ${index}`);
    await written(cluster, 0, names);
    isolate(cluster, 0, false);
    await cluster.run(MET_MS);
    expect(told(cluster).toSorted()).toEqual(['n0', 'n1']);
    expect(codes(cluster)).not.toContain('frame-refused');
    expect(codes(cluster)).not.toContain('operations-refused');
    expect(keys(cluster, 0)).toEqual(['kept', ...names]);
    expect(keys(cluster, 1)).toEqual(['kept', 'lost', 'lost too']);
  });

  it('is told so when it was started once more before it met them', async () => {
    const { cluster, putBack } = await begun(2);
    await written(cluster, 0, ['lost', 'lost too']);
    isolate(cluster, 0, true);
    await putBack();
    await written(cluster, 0, ['of the copy']);
    await cluster.stop(0);
    await cluster.start(0, declare);
    isolate(cluster, 0, false);
    await cluster.run(MET_MS);
    expect(told(cluster).toSorted()).toEqual(['n0', 'n1']);
    expect(keys(cluster, 1)).toEqual(['kept', 'lost', 'lost too']);
  });

  it('is told so by peers that know what was lost from a checkpoint, and started from their own', async () => {
    const { cluster, putBack } = await begun(2, { checkpointAfter: 16 });
    cluster.setCut(0, 1, true);
    for (let round = 0; round < 2000; round++) write(cluster, 0, 'often', round);
    await cluster.run(MET_MS);
    cluster.setCut(0, 1, false);
    await cluster.stop(1);
    cluster.member(1).disk.restore(new SimulatedDisk().copy());
    await cluster.start(1, declare);
    await cluster.run(MET_MS);
    expect(codes(cluster)).toContain('checkpoint-adopted');
    await cluster.stop(1);
    await cluster.start(1, declare);
    isolate(cluster, 0, true);
    await putBack();
    for (let round = 0; round < 2000; round++) write(cluster, 0, 'on the copy', round);
    isolate(cluster, 0, false);
    await cluster.run(MET_MS);
    expect(new Set(told(cluster))).toEqual(new Set(['n0', 'n1']));
  });

  it('and switched a mode where it had before, parts as well', async () => {
    const { cluster, putBack } = await begun(2);
    await cluster.time.until(cluster.node(0).table('forked', forked).switchMode('lww'));
    await cluster.run(1000);
    isolate(cluster, 0, true);
    await putBack();
    await cluster.time.until(cluster.node(0).table('forked', forked).switchMode('automerge'));
    isolate(cluster, 0, false);
    await cluster.run(MET_MS);
    expect(told(cluster).toSorted()).toEqual(['n0', 'n1']);
    expect(codes(cluster)).not.toContain('table-refused');
  });

  it('is shared with again by a peer that has lost what it knew, too', async () => {
    const { cluster, putBack } = await begun(2);
    const { disk } = cluster.member(1);
    const before = disk.copy();
    await written(cluster, 0, ['lost']);
    isolate(cluster, 0, true);
    await putBack();
    await written(cluster, 0, ['of the copy']);
    isolate(cluster, 0, false);
    await cluster.run(MET_MS);
    expect(told(cluster).toSorted()).toEqual(['n0', 'n1']);
    await cluster.stop(1);
    disk.restore(before);
    await cluster.start(1, declare);
    await cluster.run(MET_MS);
    expect(keys(cluster, 1)).toEqual(['kept', 'of the copy']);
  });
});

describe('peers of a node that forked', () => {
  it('of which each took other operations are told when they meet, and mix nothing', async () => {
    const { cluster, putBack } = await begun(3);
    isolate(cluster, 1, true);
    await written(cluster, 0, ['lost', 'lost too']);
    expect(keys(cluster, 2)).toEqual(['kept', 'lost', 'lost too']);
    isolate(cluster, 2, true);
    await putBack();
    cluster.setCut(0, 1, false);
    await written(cluster, 0, ['of the copy', 'of the copy 2', 'of the copy 3']);
    await cluster.run(MET_MS);
    expect(keys(cluster, 1)).toEqual(['kept', 'of the copy', 'of the copy 2', 'of the copy 3']);
    expect(told(cluster)).toEqual([]);
    await cluster.stop(0);
    cluster.setCut(1, 2, false);
    await cluster.run(MET_MS);
    expect(told(cluster).toSorted()).toEqual(['n1', 'n2']);
    expect(keys(cluster, 1)).toHaveLength(4);
    expect(keys(cluster, 2)).toEqual(['kept', 'lost', 'lost too']);
    const event = cluster.member(2).events.find(({ code }) => code === 'fork-detected');
    expect(event?.message).toMatch(
      /^Table forked: n1 says that it and this node hold different operations of n0@/,
    );
  });

  it('that stay connected are told when one needs what the other has otherwise', async () => {
    const { cluster, putBack } = await begun(3);
    // The second gets nothing for some seconds, not long enough to be given up.
    isolate(cluster, 1, true);
    await written(cluster, 0, ['lost']);
    cluster.setCut(0, 2, true);
    await putBack();
    cluster.setCut(0, 1, false);
    await written(cluster, 0, ['of the copy']);
    await cluster.run(4000);
    expect(keys(cluster, 1)).toEqual(['kept', 'of the copy']);
    expect(told(cluster)).toEqual([]);
    cluster.setCut(1, 2, false);
    const connected = cluster.member(1).events.filter(({ code }) => code === 'peer-connected').length;
    await cluster.run(MET_MS);
    expect(told(cluster).toSorted()).toEqual(['n1', 'n2']);
    expect(cluster.member(1).events.filter(({ code }) => code === 'peer-connected')).toHaveLength(connected);
    expect(keys(cluster, 1)).toEqual(['kept', 'of the copy']);
    expect(keys(cluster, 2)).toEqual(['kept', 'lost']);
  });
});

describe('a node started from an old copy of its directory that wrote nothing', () => {
  it('takes back what it lost, also when a batch was taken back before', async () => {
    const { cluster, putBack } = await begun(2);
    // A key that the dictionary of its operations names already.
    await written(cluster, 0, ['kept']);
    isolate(cluster, 0, true);
    await putBack();
    const planned = new Error('planned');
    const batch = (): void =>
      cluster.node(0).batch(() => {
        write(cluster, 0, 'taken back');
        throw planned;
      });
    expect(batch).toThrow(planned);
    isolate(cluster, 0, false);
    await cluster.run(MET_MS);
    expect(codes(cluster)).not.toContain('frame-refused');
    expect(codes(cluster)).not.toContain('operations-refused');
    expect(codes(cluster)).toContain('epoch-began');
    write(cluster, 0, 'later');
    await cluster.run(1000);
    expect(keys(cluster, 1)).toEqual(['kept', 'later']);
    expect(told(cluster)).toEqual([]);
  });
});
