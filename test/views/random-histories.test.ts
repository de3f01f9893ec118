/** Views equal their questions asked anew, at every step of random histories of two nodes. */
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { createCluster } from '../support/cluster.ts';
import { History, type Mode, type Step, type Write } from './history.ts';

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

describe('views over random histories with restarts, switches, expiry and a second node', () => {
  it.each<Mode>(['naive', 'lww', 'automerge'])('that begin in mode %s', async (begin) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fc.nat(), async (steps, seed) => {
        const cluster = await createCluster({ size: 2, seed, checkpointAfter: 4 });
        try {
          const history = new History(cluster, begin);
          for (const one of steps) await history.take(one);
          await cluster.run(3000);
          history.check();
        } finally {
          await cluster.close();
        }
      }),
      { seed: 71, numRuns: 25 },
    );
  });
});
