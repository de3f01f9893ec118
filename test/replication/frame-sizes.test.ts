import { describe, expect, it } from 'vitest';
import { createCluster } from '../support/cluster.ts';

const declaration = { key: 'string', value: 'string', backend: 'memory' } as const;
const names = ['a', 'b', 'c', 'd'] as const;

describe('a batch that would not fit into a frame', () => {
  it('is refused as a whole, so that what follows can be sent', async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair' });
    for (const name of names) cluster.declare(name, declaration);
    await cluster.run(1000);
    const node = cluster.node(0);
    const wide = '漢'.repeat(80_000);
    const write = (): void => {
      for (const [index, rows] of [6, 6, 1, 6].entries()) {
        const table = node.table(names[index] as string, declaration);
        for (let row = 0; row < rows; row++) table.set(`row ${row}`, wide);
      }
    };
    expect(() => node.batch(write)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    for (const name of names) expect(node.table(name, declaration).size).toBe(0);
    node.table('a', declaration).set('after', 'it');
    write();
    await cluster.run(20_000);
    for (const name of names) {
      const [one, other] = cluster.members.map(({ up }) => [...up.table(name, declaration)]);
      expect(other).toEqual(one);
    }
    expect(cluster.member(0).events.map(({ code }) => code)).toEqual(['peer-connected']);
    await cluster.close();
  });
});
