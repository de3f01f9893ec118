import { describe, expect, it } from 'vitest';
import type { TableNode } from '../../src/index.ts';
import { createCluster } from '../support/cluster.ts';

const forked = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const sound = { key: 'string', value: 'count', backend: 'memory' } as const;

function declare(node: TableNode): void {
  node.table('forked', forked);
  node.table('sound', sound);
}

describe('a node started from an old copy of its directory that wrote before it met its peers', () => {
  it('says so once; the connection and all other tables go on', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair' });
    for (const { up } of cluster.members) declare(up);
    await cluster.run(1000);
    const { disk } = cluster.member(0);
    cluster.node(0).table('forked', forked).set('kept', 1);
    await cluster.run(100);
    const copy = { segments: [...disk.segments], last: disk.lastPosition };
    for (const value of [1, 2, 3]) cluster.node(0).table('forked', forked).set('newer than the copy', value);
    await cluster.run(100);
    await cluster.stop(0);
    disk.segments.splice(0, disk.segments.length, ...copy.segments);
    disk.lastPosition = copy.last;
    cluster.setCut(0, 1, true);
    await cluster.start(0, declare);
    cluster.node(0).table('forked', forked).set('written on the copy', 1);
    await cluster.run(100);
    cluster.setCut(0, 1, false);
    await cluster.run(60_000);
    for (const { up } of cluster.members) up.table('sound', sound).set(up.id, 1);
    cluster.node(1).table('forked', forked).set('of the other', 1);
    await cluster.run(1000);
    expect(cluster.member(0).events.filter(({ code }) => code === 'fork-detected')).toHaveLength(1);
    const codes = cluster.members.flatMap(({ events }) => events.map(({ code }) => code));
    expect(codes).not.toContain('frame-refused');
    for (const { up } of cluster.members) expect(up.table('sound', sound).size).toBe(2);
    expect([...cluster.node(0).table('forked', forked).keys()]).toEqual(['kept', 'written on the copy']);
    await cluster.close();
  });
});
