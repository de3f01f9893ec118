/** Views equal their questions asked anew, at every step of random histories of two nodes. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCluster } from '../support/cluster.ts';
import { type Expiry, History, type Mode, type Step, type Write } from './history.ts';

/** Without a write that the other side lacks nothing is to be caught up with. */
const FIRST: Write = { do: 'set', table: 0, key: 0, value: 1 };

const table = fc.nat({ max: 1 });
const key = fc.nat({ max: 6 });
const value = fc.oneof(fc.nat({ max: 5 }), fc.constantFrom(2 ** 53 - 1, 2n ** 60n, -(2n ** 63n)));
const write: fc.Arbitrary<Write> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), table, key, value }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'increment' as const), table, key }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), table }) },
);
const node = fc.nat({ max: 1 });
const mode = fc.constantFrom<Mode>('naive', 'lww', 'automerge');
const batch = fc.record({
  do: fc.constant('batch' as const),
  node,
  writes: fc.array(write, { maxLength: 5 }),
  isRead: fc.boolean(),
  throws: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('write' as const), node, write }) },
  { weight: 3, arbitrary: batch },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(5, 300, 1500) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('switch' as const), node, mode }) },
);

const expiry = fc.constantFrom<Expiry>({ writeExpire: 1000 }, { createExpire: 1000 });
const modes: readonly Mode[] = ['naive', 'lww', 'automerge'];

describe('views over random histories with restarts, switches, expiry and a second node', () => {
  it.each(modes)('that begin in mode %s', async (begin) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 30 }),
        expiry,
        fc.nat(),
        async (steps, expires, seed) => {
          const cluster = await createCluster({ size: 2, seed, checkpointAfter: 4 });
          try {
            const history = new History(cluster, begin, expires);
            for (const one of steps) await history.take(one);
            await cluster.run(3000);
            history.check();
          } finally {
            await cluster.close();
          }
        },
      ),
      { seed: 71, numRuns: 25 },
    );
  });
});

describe('views over an adopted checkpoint', () => {
  it.each(modes)('in mode %s, behind random histories of both sides', async (begin) => {
    const alone = step.filter((one) => one.do !== 'restart' && one.do !== 'switch');
    const steps = fc.array(alone, { minLength: 3, maxLength: 15 });
    await fc.assert(
      fc.asyncProperty(steps, steps, steps, async (before, apart, after) => {
        const limits = { maxMemoryLogBytes: 2000 };
        const cluster = await createCluster({ size: 2, topology: 'pair', seed: 71, limits });
        try {
          const history = new History(cluster, begin);
          for (const one of before) await history.take(one);
          await history.outgrow([{ do: 'write', node: 0, write: FIRST }, ...apart]);
          const codes = cluster.member(1).events.map(({ code }) => code);
          expect(codes).toContain('checkpoint-adopted');
          for (const one of after) await history.take(one);
        } finally {
          await cluster.close();
        }
      }),
      { seed: 71, numRuns: 2, endOnFailure: true },
    );
  });
});
