import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { openNodeOf } from '../../src/node.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { SimulatedNetwork } from '../support/simulated-network.ts';
import { VirtualTime } from '../support/virtual-time.ts';
import { history } from './history.ts';
import { HistoryRunner, type Place } from './history-runner.ts';

function virtualPlace(time: VirtualTime): Place {
  const random = new SeededRandom(7);
  const network = new SimulatedNetwork(time, random);
  const disk = new SimulatedDisk();
  return {
    open: () =>
      time.until(
        openNodeOf(
          { id: 'node' },
          {
            environment: time.environment(random),
            transport: network.transport('node'),
            durableBackend: disk.backend(),
          },
        ),
      ),
    wait: (ms) => time.run(ms),
    now: () => time.now,
    settled: (work) => time.until(work),
  };
}

describe('a node, whatever is done to it', () => {
  it('holds the rows, the changes and the log that plain Maps predict, also after a restart', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const time = new VirtualTime();
        const runner = new HistoryRunner(virtualPlace(time));
        await runner.run(steps);
        await time.until(runner.node.close());
      }),
      { numRuns: Number(process.env['RUNS'] ?? 150) },
    );
  });
});
