import { describe, expect, it } from 'vitest';
import type { Cluster } from '../support/cluster.ts';
import { createCluster } from '../support/cluster.ts';

const declaration = { key: 'string', value: 'count', backend: 'memory' } as const;
/** More than a table remembers of one node. */
const LIVES = 70;

/** Node 1 lives again and again and writes one row each time. */
async function liveOften(cluster: Cluster): Promise<void> {
  for (let life = 0; life < LIVES; life++) {
    await cluster.stop(1);
    await cluster.start(1, (node) => void node.table('t', declaration));
    await cluster.run(12_000);
    cluster.node(1).table('t', declaration).set(`written in life ${life}`, life);
    await cluster.run(100);
  }
}

describe('a node that starts more often than its lives are remembered', () => {
  it('gets the rows of its forgotten lives back, as does everybody who joins, and can be compared', async () => {
    const cluster = await createCluster({ size: 3, topology: 'star' });
    cluster.node(0).table('t', declaration);
    await cluster.run(1000);
    await liveOften(cluster);
    cluster.node(2).table('t', declaration).set('own, before the others', 1);
    await cluster.run(10_000);
    const sizes = cluster.members.map(({ up }) => up.table('t', declaration).size);
    expect(sizes).toEqual([LIVES + 1, LIVES + 1, LIVES + 1]);
    const codes = cluster.members.flatMap(({ events }) => events.map(({ code }) => code));
    expect(codes.filter((code) => code === 'table-diverged' || code === 'operations-refused')).toEqual([]);
    const repairs = cluster.members.map(({ up }) => up.table('t', declaration).repair({ from: up.id }));
    for (const repair of repairs) expect(await cluster.time.until(repair)).toBe(0);
    await cluster.close();
  });
});
