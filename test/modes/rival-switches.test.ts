import { describe, expect, it } from 'vitest';
import type { MapTable } from '../../src/index.ts';
import type { Cluster } from '../support/cluster.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';

const createCluster = clustersOfATest();
const names = { key: 'string', value: 'string', backend: 'sqlite', mode: 'lww' } as const;
const modes = ['naive', 'lww', 'automerge'] as const;

function tableOf(cluster: Cluster, index: number): MapTable<string, string> {
  return cluster.node(index).table('names', names);
}

async function switched(cluster: Cluster, index: number, mode: (typeof modes)[number]): Promise<void> {
  await cluster.time.until(tableOf(cluster, index).switchMode(mode));
  await cluster.run(1000);
}

/**
 * Three nodes in a chain. What the first wrote to `key`, a switch by the second passed over, so that it was
 * written again; then `change` happens, and a switch that knows all of it. The third was cut off from the
 * beginning, and made more switches alone.
 */
async function passedOverTwice(
  mode: (typeof modes)[number],
  change: (cluster: Cluster) => void,
): Promise<Cluster> {
  const cluster = await createCluster({ size: 3, topology: 'chain' });
  cluster.declare('names', names);
  await cluster.run(1000);
  tableOf(cluster, 0).set('key', 'from the beginning');
  await cluster.run(1000);
  cluster.setCut(1, 2, true);
  cluster.setCut(0, 1, true);
  tableOf(cluster, 0).set('key', 'passed over');
  await switched(cluster, 1, mode);
  cluster.setCut(0, 1, false);
  await cluster.run(60_000);
  expect(tableOf(cluster, 1).get('key')).toBe('passed over');
  change(cluster);
  await cluster.run(1000);
  await switched(cluster, 1, mode);
  for (let count = 0; count < 3; count++) await switched(cluster, 2, mode);
  // The first hears of it later than the second.
  cluster.setCut(0, 1, true);
  cluster.setCut(1, 2, false);
  await cluster.run(5000);
  cluster.setCut(0, 1, false);
  await cluster.run(60_000);
  return cluster;
}

function values(cluster: Cluster): (string | undefined)[] {
  return cluster.members.map(({ index }) => tableOf(cluster, index).get('key'));
}

describe.each(modes)('a write that a switch to %s passed over and that was written again', (mode) => {
  it('is not written once more after another node has replaced it', async () => {
    const cluster = await passedOverTwice(mode, (all) => tableOf(all, 1).set('key', 'newer'));
    expect(values(cluster)).toEqual(['newer', 'newer', 'newer']);
  });

  it('is not written once more after its author has replaced it', async () => {
    const cluster = await passedOverTwice(mode, (all) => tableOf(all, 0).set('key', 'newer'));
    expect(values(cluster)).toEqual(['newer', 'newer', 'newer']);
  });

  it('is written once more when it still stands', async () => {
    const cluster = await passedOverTwice(mode, () => undefined);
    expect(values(cluster)).toEqual(['passed over', 'passed over', 'passed over']);
  });

  it('is not written once more after it was removed', async () => {
    const cluster = await passedOverTwice(mode, (all) => tableOf(all, 1).delete('key'));
    expect(values(cluster)).not.toContain('passed over');
  });
});
