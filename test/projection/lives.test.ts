import { describe, expect, it } from 'vitest';
import { Origins, originText } from '../../src/log/operations/origin.ts';
import { VersionVector } from '../../src/log/operations/version-vector.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { Lives, MAX_LIVES_PER_NODE } from '../../src/projection/held/lives.ts';
import { inProcessNetwork } from '../../src/transport/in-process.ts';

function livesOf(count: number): {
  lives: Lives;
  origins: Origins;
  held: VersionVector;
  forgotten: number[];
} {
  const origins = new Origins();
  const held = new VersionVector();
  const lives = new Lives(origins, held);
  const forgotten: number[] = [];
  for (let epoch = 1; epoch <= count; epoch++) {
    const origin = origins.intern(originText('worker', epoch));
    forgotten.push(...lives.begin(origin));
    held.advance(origin, 1);
  }
  return { lives, origins, held, forgotten };
}

describe('lives of a node', () => {
  it('remembers the latest ones and forgets the oldest first', () => {
    const { lives, origins, held, forgotten } = livesOf(MAX_LIVES_PER_NODE + 2);
    expect(held.size).toBe(MAX_LIVES_PER_NODE);
    expect(forgotten.map((origin) => origins.at(origin).epoch)).toEqual([1, 2]);
    expect(lives.isForgotten(origins.intern(originText('worker', 2)))).toBe(true);
    expect(lives.isForgotten(origins.intern(originText('worker', 3)))).toBe(false);
  });

  it('does not count one node against another', () => {
    const { lives, origins, held } = livesOf(MAX_LIVES_PER_NODE);
    expect(lives.begin(origins.intern(originText('other', 1)))).toEqual([]);
    expect(held.size).toBe(MAX_LIVES_PER_NODE);
  });

  it('keeps the vector of a hub small while a worker restarts again and again, and loses no write', async () => {
    const network = inProcessNetwork();
    const hub = await openNodeOf(
      { id: 'hub', listen: { port: 1 } },
      { transport: network.transport('ws://hub') },
    );
    const declaration = { key: 'string', value: 'count' } as const;
    const table = hub.table('restarts', declaration);
    const restarts = MAX_LIVES_PER_NODE * 2;
    for (let life = 1; life <= restarts; life++) {
      const worker = await openNodeOf(
        { id: 'worker', peers: ['ws://hub'] },
        { transport: network.transport(`ws://worker-${life}`) },
      );
      const arrived = new Promise<void>((resolve) => {
        const subscription = table.changes.subscribe(({ value }) => {
          if (value !== life) return;
          resolve();
          queueMicrotask(() => subscription.unsubscribe());
        });
      });
      worker.table('restarts', declaration).set(`key ${life % 10}`, life);
      await arrived;
      await worker.close();
    }
    const late = await openNodeOf(
      { id: 'late', peers: ['ws://hub'] },
      { transport: network.transport('ws://late') },
    );
    const joined = late.table('restarts', declaration);
    await new Promise<void>((resolve) => {
      const subscription = joined.synced.subscribe((synced) => {
        if (!synced) return;
        resolve();
        queueMicrotask(() => subscription.unsubscribe());
      });
    });
    expect(new Map(joined)).toEqual(new Map(table));
    expect(Math.min(...(table.values() as Iterable<number>))).toBe(restarts - 9);
    await late.close();
    await hub.close();
  });
});
