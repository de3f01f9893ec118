import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backendOn } from '../../src/backends/backend-on.ts';
import type { TableNode } from '../../src/index.ts';
import type { Backend, Checkpoint } from '../../src/log/backend.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { ObjectDisk, full } from '../backends/support/object-disk.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { VirtualTime } from '../support/virtual-time.ts';

/** A disk whose commits take as long as a test wants them to. */
class HeldDisk {
  readonly disk = new SimulatedDisk();
  readonly checkpoints: Checkpoint[] = [];
  readonly backend: Backend;
  isStuck = false;
  #waiting: (() => void)[] = [];

  constructor() {
    const inner = this.disk.backend({
      after: (task) => (this.isStuck ? this.#waiting.push(task) : queueMicrotask(task)),
      outcome: () => 'kept',
    });
    this.backend = Object.assign(inner, {
      writeCheckpoint: async (checkpoint: Checkpoint) => {
        await Object.getPrototypeOf(inner).writeCheckpoint.call(inner, checkpoint);
        this.checkpoints.push(checkpoint);
      },
    });
  }

  release(): void {
    this.isStuck = false;
    for (const task of this.#waiting.splice(0)) task();
  }
}

describe('a store that is stuck', () => {
  let time: VirtualTime;
  let node: TableNode;
  let good: HeldDisk;
  let stuck: HeldDisk;

  beforeEach(async () => {
    time = new VirtualTime();
    good = new HeldDisk();
    stuck = new HeldDisk();
    const parts = { environment: time.environment(new SeededRandom(1)), checkpointAfter: 64 };
    const options = {
      id: 'one',
      backends: { stuck: stuck.backend },
      retention: { operations: 100 },
    };
    node = await time.until(openNodeOf(options, { ...parts, durableBackend: good.backend }));
  });
  afterEach(async () => {
    stuck.release();
    await time.until(node.close());
  });

  it('keeps no other from checkpoints and trimming', async () => {
    const table = node.table('t', { key: 'count', value: 'count', backend: 'sqlite' });
    const other = node.table('o', { key: 'count', value: 'count', backend: 'stuck' });
    await time.until(node.flush());
    stuck.isStuck = true;
    for (let round = 0; round < 20; round++) {
      for (let key = 0; key < 100; key++) table.set(key % 7, round);
      other.set(round, round);
      await time.run(1000);
    }
    const names = good.checkpoints.map((one) => one.table);
    expect(names.filter((name) => name === 't').length).toBeGreaterThan(3);
    expect(good.disk.trimmedTo).toBeGreaterThan(1000);
    expect(stuck.checkpoints).toEqual([]);
  });

  it('is waited for by flush, and not by what concerns a table of another', async () => {
    const table = node.table('t', { key: 'count', value: 'count', backend: 'sqlite' });
    const other = node.table('o', { key: 'count', value: 'count', backend: 'stuck' });
    await time.until(node.flush());
    stuck.isStuck = true;
    other.set(1, 1);
    table.set(1, 1);
    let isFlushed = false;
    const flushed = node.flush().then(() => (isFlushed = true));
    await time.until(table.switchMode('lww'));
    await time.until(table.repair({ from: 'one' }));
    expect(isFlushed).toBe(false);
    stuck.release();
    await time.until(flushed);
  });
});

describe('a disk of your own that is full', () => {
  it('refuses writes as long as it is, and takes what was written before without a restart', async () => {
    const time = new VirtualTime();
    const disk = new ObjectDisk();
    const start = () => {
      const options = { id: 'one', backends: { own: backendOn(disk) } };
      return time.until(openNodeOf(options, { environment: time.environment(new SeededRandom(1)) }));
    };
    const node = await start();
    const codes: string[] = [];
    node.events.subscribe(({ code }) => codes.push(code));
    const declaration = { key: 'string', value: 'count', backend: 'own' } as const;
    const table = node.table('t', declaration);
    table.set('a', 1);
    await time.until(node.flush());
    disk.failure = full();
    table.set('b', 2);
    table.set('c', 3);
    await expect(node.flush()).rejects.toMatchObject({ code: 'BACKEND_FULL' });
    expect(() => table.set('d', 4)).toThrow(expect.objectContaining({ code: 'BACKEND_FULL' }));
    await time.run(2000);
    disk.failure = undefined;
    await time.run(1000);
    table.set('e', 5);
    await time.until(node.flush());
    expect(codes).toEqual(['backend-failed', 'backend-recovered']);
    await time.until(node.close());
    expect(disk.closes).toEqual([true]);
    const again = await start();
    expect([...again.table('t', declaration)]).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['e', 5],
    ]);
    await time.until(again.close());
  });

  it('that failed for good ends with the node, which says why, and is released', async () => {
    const time = new VirtualTime();
    const disk = new ObjectDisk();
    const options = { id: 'one', backends: { own: backendOn(disk) } };
    const node = await time.until(
      openNodeOf(options, { environment: time.environment(new SeededRandom(1)) }),
    );
    const table = node.table('t', { key: 'string', backend: 'own' });
    await time.until(node.flush());
    disk.failure = new Error('it burns');
    table.add('a');
    await expect(node.flush()).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
    await expect(time.until(node.close())).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
    expect(disk.closes).toEqual([false]);
  });
});
