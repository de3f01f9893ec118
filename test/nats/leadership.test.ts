import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Leadership } from '../../src/nats/leadership.ts';

type Parts = ConstructorParameters<typeof Leadership>[0];
type Consumer = Parameters<Leadership['reads']>[0];

/** Longer than the longest time until a link looks again. */
const LOOKED_MS = 20_000;

/** A link to a stream of one server, and what comes of it while `answer` answers what is asked of its consumer. */
function watched(answer: () => unknown): { readonly ends: string[]; asked: number } {
  const info = { created: '2026-12-01T00:00:00Z', config: { num_replicas: 1 } };
  const watch = { ends: [] as string[], asked: 0 };
  const parts = { names: { stream: 'TABLECAST_g' }, info } as unknown as Parts;
  const leadership = new Leadership(parts, (why) => watch.ends.push(why));
  const ask = async (): Promise<unknown> => {
    watch.asked++;
    return answer();
  };
  leadership.reads({ info: ask } as unknown as Consumer);
  return watch;
}

function thrown(name: string, message: string): () => never {
  return () => {
    throw Object.assign(new Error(message), { name });
  };
}

describe('a link to a stream of one server', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each(['stream not found', 'consumer not found'])(
    'ends once what it reads is gone, of which nothing was told: %s',
    async (why) => {
      const watch = watched(thrown('JetStreamApiError', why));
      await vi.advanceTimersByTimeAsync(LOOKED_MS);
      expect(watch).toEqual({ ends: [why], asked: 1 });
      await vi.advanceTimersByTimeAsync(10 * LOOKED_MS);
      expect(watch).toEqual({ ends: [why], asked: 1 });
    },
  );

  it.each([
    ['all is as it was', () => ({})],
    ['the server is slow to say so', thrown('TimeoutError', 'timeout')],
  ])('goes on while %s, and looks again and again', async (_, answer) => {
    const watch = watched(answer);
    await vi.advanceTimersByTimeAsync(10 * LOOKED_MS);
    expect(watch.ends).toEqual([]);
    expect(watch.asked).toBeGreaterThanOrEqual(10);
  });
});
