import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Leadership } from '../../src/nats/leadership.ts';

type Parts = ConstructorParameters<typeof Leadership>[0];
type Consumer = Parameters<Leadership['reads']>[0];

/** Longer than the longest time until a link looks again. */
const LOOKED_MS = 20_000;
const CREATED = '2026-12-01T00:00:00Z';

/** A link to a stream of one server, which reads, and what `present` says of the stream and `consumer` of what it reads. */
function watched(present: () => unknown, consumer: () => unknown = () => ({})): string[] {
  const info = { created: CREATED, config: { num_replicas: 1 } };
  const manager = { streams: { info: () => Promise.resolve().then(present) } };
  const ends: string[] = [];
  const parts = { manager, names: { stream: 'TABLECAST_g' }, info } as unknown as Parts;
  const leadership = new Leadership(parts, (why) => ends.push(why));
  leadership.reads({ info: () => Promise.resolve().then(consumer) } as unknown as Consumer);
  return ends;
}

function thrown(name: string, message: string): () => never {
  return () => {
    throw Object.assign(new Error(message), { name });
  };
}

const same = (): unknown => ({ created: CREATED });

describe('a link to a stream of one server', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['was deleted and made anew', () => ({ created: 'later' }), same, 'the stream was made anew'],
    ['was deleted', thrown('StreamNotFoundError', 'stream not found'), same, 'stream not found'],
    [
      'has no consumer any more',
      same,
      thrown('ConsumerNotFoundError', 'consumer not found'),
      'consumer not found',
    ],
  ])('ends once the stream %s, of which nothing was told', async (_, present, consumer, why) => {
    const ends = watched(present, consumer);
    await vi.advanceTimersByTimeAsync(LOOKED_MS);
    expect(ends).toEqual([why]);
    await vi.advanceTimersByTimeAsync(10 * LOOKED_MS);
    expect(ends).toEqual([why]);
  });

  it('goes on while all is as it was, and where the server is slow to say so', async () => {
    const ends = [same, thrown('TimeoutError', 'timeout')].flatMap((present) => watched(present));
    await vi.advanceTimersByTimeAsync(10 * LOOKED_MS);
    expect(ends).toEqual([]);
  });
});
