import { beforeEach, describe, expect, it } from 'vitest';
import type { TablecastError } from '../../src/errors.ts';
import { SegmentStore } from '../../src/log/keeping/segment-store.ts';
import { encodeSegment } from '../../src/log/runs/segment.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const content = encodeSegment({ kind: 'operations', runs: [], order: undefined });

describe('a segment store on a disk that fails', () => {
  let time: VirtualTime;
  let disk: SimulatedDisk;
  let outcome: 'kept' | 'full' | 'failed';
  let store: SegmentStore;
  let told: string[];
  let position: number;

  beforeEach(async () => {
    time = new VirtualTime();
    disk = new SimulatedDisk();
    outcome = 'kept';
    told = [];
    position = 0;
    const backend = disk.backend({ after: (task) => void time.schedule(10, task), outcome: () => outcome });
    store = new SegmentStore('sqlite', backend, {
      environment: time.environment(new SeededRandom(1)),
      listener: {
        advanced: ({ told: to }) => told.push(`told ${to}`),
        failed: (_store, { code }: TablecastError, retrying: boolean) => told.push(`${code} ${retrying}`),
        recovered: () => told.push('recovered'),
      },
    });
    await store.open();
  });

  const append = (span = 1, bytes = content): void => {
    store.append({ segment: { position: position + 1, span, bytes }, runs: [], adopted: undefined });
    position += span;
  };

  // INV-1
  it('commits in order, and tells of nothing before it is committed', async () => {
    append(3);
    append();
    expect([store.appended, store.committed, store.told, told.length]).toEqual([4, 0, 0, 0]);
    await time.run(15);
    expect(told).toEqual(['told 3']);
    await time.until(store.flush());
    expect(told).toEqual(['told 3', 'told 4']);
    expect(disk.segments.map((segment) => segment.position)).toEqual([1, 4]);
  });

  it('gives back what was appended before it is committed, and after', async () => {
    append(3);
    append(2);
    const found = async (after: number): Promise<number[]> =>
      (await store.read(after, 1e6)).map(({ segment }) => segment.position);
    expect([await found(0), await found(2), await found(3), await found(5)]).toEqual([
      [1, 4],
      [1, 4],
      [4],
      [],
    ]);
    await time.until(store.flush());
    expect(await found(3)).toEqual([4]);
  });

  it('forgets what is committed and large, and reads it from the backend', async () => {
    const padded = new Uint8Array(3 * 1024 * 1024);
    padded.set(content);
    for (let index = 0; index < 5; index++) append(1, padded);
    expect(store.recent(0, 1)).not.toBeUndefined();
    await time.until(store.flush());
    expect(store.recent(0, 1)).toBeUndefined();
    expect(store.recent(4, 1)?.length).toBe(1);
    expect(disk.segments.length).toBe(5);
  });

  it('refuses writes while the disk is full, tries by itself, and loses nothing that was accepted', async () => {
    outcome = 'full';
    append();
    append();
    await expect(time.until(store.flush())).rejects.toMatchObject({ code: 'BACKEND_FULL' });
    expect(told).toEqual(['BACKEND_FULL true']);
    expect(() => store.admit()).toThrow(expect.objectContaining({ code: 'BACKEND_FULL', retryable: true }));
    append();
    await time.run(2000);
    expect(store.committed).toBe(0);
    outcome = 'kept';
    await time.run(2000);
    expect(told).toContain('recovered');
    store.admit();
    append();
    await time.until(store.flush());
    expect(disk.segments.map((segment) => segment.position)).toEqual([1, 2, 3, 4]);
  });

  it('keeps the names and values it was to remember until they are committed, before what follows', async () => {
    outcome = 'full';
    store.remember(
      new Map([
        ['first', Uint8Array.of(9)],
        ['fact', Uint8Array.of(1)],
      ]),
    );
    append();
    await time.run(100);
    store.remember(
      new Map([
        ['fact', Uint8Array.of(2)],
        ['other', Uint8Array.of(3)],
      ]),
    );
    outcome = 'kept';
    await time.run(2000);
    expect(Array.from(disk.facts, ([name, value]) => [name, ...value])).toEqual([
      ['first', 9],
      ['fact', 2],
      ['other', 3],
    ]);
    expect(disk.segments.length).toBe(1);
  });

  it('refuses writes for good after any other failure, and tells so once', async () => {
    outcome = 'failed';
    append();
    append();
    await expect(time.until(store.flush())).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
    outcome = 'kept';
    await time.run(10_000);
    expect(told).toEqual(['BACKEND_FAILED false']);
    expect(() => store.admit()).toThrow(expect.objectContaining({ code: 'BACKEND_FAILED' }));
    expect(disk.segments).toEqual([]);
  });
});
