import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { openNode } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { SimulatedNetwork } from '../support/simulated-network.ts';
import { VirtualTime } from '../support/virtual-time.ts';
import { history } from './history.ts';
import { HistoryRunner, type Place } from './history-runner.ts';

const runs = Number(process.env['RUNS'] ?? 30);

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
    lifetimeMs: 1000,
  };
}

/** SQLite in a directory, in real time; pauses are cut short, and nothing expires: when it did, the load would say. */
function realPlace(directory: string): Place {
  return {
    open: () => openNode({ id: 'node', directory }),
    wait: (ms) =>
      new Promise((resolve) => {
        setTimeout(resolve, Math.min(ms, 5));
      }),
    now: () => Date.now(),
    settled: (work) => work,
    lifetimeMs: 3_600_000,
  };
}

// INV-3
describe('a node, whatever is done to it', () => {
  it('holds the rows, the changes and the log that plain Maps predict, also after a restart', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const time = new VirtualTime();
        const runner = new HistoryRunner(virtualPlace(time));
        await runner.run(steps);
        await time.until(runner.node.close());
      }),
      { numRuns: runs },
    );
  });

  it('does so on a real database', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const directory = mkdtempSync(join(tmpdir(), 'tablecast-history-'));
        const runner = new HistoryRunner(realPlace(directory));
        try {
          await runner.run(steps);
        } finally {
          await runner.node.close();
          rmSync(directory, { recursive: true });
        }
      }),
      { numRuns: Math.ceil(runs / 10), endOnFailure: true },
    );
  });
});
