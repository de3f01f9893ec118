import { lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { TableNode } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { createCluster } from '../support/cluster.ts';
import { readLog } from '../support/read-log.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { SimulatedNetwork } from '../support/simulated-network.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const declaration = { key: 'string', value: 'count', backend: 'sqlite' } as const;
/** Enough for a checkpoint when the node closes. */
const WRITES = 6000;

describe('keys named in an earlier chapter of the log', () => {
  it('are found by a replay that begins in the middle, also behind a checkpoint and several restarts', async () => {
    const time = new VirtualTime();
    const random = new SeededRandom(1);
    const network = new SimulatedNetwork(time, random);
    const disk = new SimulatedDisk();
    const open = (): Promise<TableNode> => {
      const parts = {
        environment: time.environment(random),
        transport: network.transport('n'),
        durableBackend: disk.backend(),
      };
      return time.until(openNodeOf({ id: 'n' }, parts));
    };
    for (let life = 0; life < 3; life++) {
      const node = await open();
      const table = node.table('t', declaration);
      for (let write = 0; write < WRITES; write++) {
        table.set(`key ${write % 100}`, life * WRITES + write);
        if (write % 500 === 0) await time.run(10);
      }
      await time.until(node.close());
    }
    expect(disk.checkpoints.size).toBe(1);
    const node = await open();
    node.table('t', declaration).set('key 0', 3 * WRITES);
    for (const after of [0, 4500, WRITES + 5, 2 * WRITES + 5, 3 * WRITES - 1]) {
      const until = Math.min(after + 1000, 3 * WRITES);
      const operations = await time.until(
        lastValueFrom(node.log.operations({ after, until }).pipe(toArray())),
      );
      expect(operations.map(({ value }) => value)).toEqual(
        Array.from({ length: until - after }, (_, index) => after + index),
      );
    }
    await time.until(node.close());
  });

  it('are found by a replay that begins in the middle of a segment in which the next chapter begins', async () => {
    const cluster = await createCluster({ size: 2 });
    const [author] = cluster.declare('t', declaration);
    author?.set('key', 1);
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    author?.set('key', 2);
    await cluster.stop(0);
    await cluster.start(0, (node) => node.table('t', declaration).set('other', 3));
    cluster.setCut(0, 1, false);
    await cluster.run(30_000);
    await cluster.stop(1);
    const reader = await cluster.start(1, (node) => void node.table('t', declaration));
    expect(cluster.member(1).disk.segments.map(({ span }) => span)).toEqual([1, 2]);
    for (const after of [0, 1, 2]) {
      const operations = await cluster.time.until(readLog(reader, { after }));
      expect(operations.map(({ key, value }) => [key, value])).toEqual(
        [
          ['key', 1],
          ['key', 2],
          ['other', 3],
        ].slice(after),
      );
    }
    await cluster.close();
  });
});
