import { describe, expect, it } from 'vitest';
import type { Commit } from '../../src/log/backend.ts';
import { CommitRules } from '../../src/backends/commit-rules.ts';
import { memoryBackend } from '../../src/backends/memory.ts';
import { TablecastError } from '../../src/errors.ts';
import { type LoggedSegment, SegmentStore } from '../../src/log/keeping/segment-store.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { VirtualTime, promisesSettled } from '../support/virtual-time.ts';

/** Takes a commit at once or, as its contract allows, refuses it for now, while earlier ones are under way. */
class BusyBackend {
  readonly written: number[] = [];
  readonly underWay: (() => void)[] = [];
  readonly #rules = new CommitRules(0, []);
  full = false;

  async commit(commit: Commit): Promise<void> {
    if (this.full) {
      throw new TablecastError('LIMIT_EXCEEDED', 'the queue is full', {
        hint: 'Again.',
        details: { limit: 0 },
        retryable: true,
      });
    }
    this.#rules.accept(commit);
    await new Promise<void>((resolve) => this.underWay.push(resolve));
    this.written.push(...commit.segments.map(({ position }) => position));
  }
}

function at(position: number): LoggedSegment {
  return { segment: { position, span: 1, bytes: new Uint8Array(8) }, runs: [], adopted: undefined };
}

describe('the segments of a store', () => {
  it('are bounded in what waits for a disk that takes nothing, wherever they come from', () => {
    const never = { name: 'stuck', durable: true, commit: () => new Promise<void>(() => undefined) };
    const store = new SegmentStore(
      'sqlite',
      { ...memoryBackend(), ...never },
      {
        environment: new VirtualTime().environment(new SeededRandom(1)),
        listener: { advanced: () => undefined, failed: () => undefined, recovered: () => undefined },
      },
    );
    const bytes = new Uint8Array(64 * 1024 * 1024);
    for (let position = 1; position <= 5; position++) {
      store.requireRoom();
      store.append({ segment: { position, span: 1, bytes }, runs: [], adopted: undefined });
    }
    expect(() => store.requireRoom()).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED', retryable: true }),
    );
  });

  it('count in memory with the objects around them, however few bytes each has', async () => {
    const backend = memoryBackend();
    const store = new SegmentStore('memory', backend, {
      environment: new VirtualTime().environment(new SeededRandom(1)),
      listener: { advanced: () => undefined, failed: () => undefined, recovered: () => undefined },
    });
    await store.open();
    const kept = (8 * 1024 * 1024) / 512;
    for (let position = 1; position <= kept + 1; position++) {
      store.append({
        segment: { position, span: 1, bytes: new Uint8Array(0) },
        runs: [{ table: 't', origin: 'o@1', firstSequence: position, count: 1, bytes: new Uint8Array(0) }],
        adopted: undefined,
      });
    }
    await promisesSettled();
    expect(store.recent(0, 1)).toBeUndefined();
    expect(store.recent(1, 1)).toHaveLength(kept);
  });

  it('are committed in their order when one is refused while others are under way', async () => {
    const time = new VirtualTime();
    const busy = new BusyBackend();
    const backend = { name: 'busy', durable: true, commit: (commit: Commit) => busy.commit(commit) };
    const store = new SegmentStore(
      'sqlite',
      { ...memoryBackend(), ...backend },
      {
        environment: time.environment(new SeededRandom(1)),
        listener: { advanced: () => undefined, failed: () => undefined, recovered: () => undefined },
      },
    );
    const step = async (): Promise<void> => {
      busy.underWay.shift()?.();
      await promisesSettled();
    };
    store.append(at(1));
    store.append(at(2));
    busy.full = true;
    store.append(at(3));
    await promisesSettled();
    busy.full = false;
    await step();
    store.append(at(4));
    for (let commits = 0; commits < 5; commits++) await step();
    await time.run(2000);
    for (let commits = 0; commits < 5; commits++) await step();
    expect(busy.written).toEqual([1, 2, 3, 4]);
    expect(store.committed).toBe(4);
  });
});
