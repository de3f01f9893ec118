import { describe, expect, it } from 'vitest';
import type { PeerState } from '../../src/index.ts';
import { createCluster } from '../support/cluster.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';

type Outcome = 'kept' | 'full' | 'failed';

/** How the two durable stores of the node that is written to behave. */
interface Stores {
  readonly ms: Readonly<Record<'sqlite' | 'other', number>>;
  readonly outcomes: Record<'sqlite' | 'other', Outcome>;
}

/** A node with two disks, and one that writes into a table in each of them, and into one in memory. */
async function written({ ms, outcomes }: Stores) {
  const disk = new SimulatedDisk();
  const cluster = await createCluster({
    size: 2,
    topology: 'pair',
    commitMs: [ms.sqlite, ms.sqlite],
    outcome: (index) => (index === 0 ? outcomes.sqlite : 'kept'),
    backends: (index, time) => {
      if (index > 0) return undefined;
      const after = (task: () => void) => void time.schedule(ms.other, task);
      return { other: disk.backend({ after, outcome: () => outcomes.other }) };
    },
  });
  const seen: { now: PeerState | undefined } = { now: undefined };
  cluster.node(1).peers.subscribe(([peer]) => (seen.now = peer));
  const table = (backend: string) => {
    cluster.node(0).table(backend, { key: 'string', value: 'count', backend });
    return cluster.node(1).table(backend, { key: 'string', value: 'count' });
  };
  const tables = { sqlite: table('sqlite'), other: table('other'), memory: table('memory') };
  await cluster.run(5000);
  const disks = () => ({ sqlite: cluster.member(0).disk, other: disk });
  return { cluster, seen, tables, disks };
}

const NAMES = ['sqlite', 'other'] as const;

describe.each(NAMES)('of two durable stores, when %s is the one in the way', (late) => {
  const prompt = late === 'sqlite' ? 'other' : 'sqlite';
  const outcomes = (): Stores['outcomes'] => ({ sqlite: 'kept', other: 'kept' });
  const slow = { sqlite: 5, other: 5, [late]: 500 };

  it('nothing of it counts as durable before it has committed, and what only the other takes does at once', async () => {
    const { cluster, seen, tables } = await written({ ms: slow, outcomes: outcomes() });
    tables[prompt].set('a', 1);
    await cluster.run(150);
    expect(seen.now).toMatchObject({ lagOperations: 0, durableOperations: 1 });
    tables[late].set('a', 1);
    await cluster.run(150);
    expect(seen.now).toMatchObject({ lagOperations: 0, durableOperations: 1 });
    // Behind what is not durable, nothing is counted.
    tables[prompt].set('b', 1);
    tables.memory.set('b', 1);
    await cluster.run(150);
    expect(seen.now).toMatchObject({ lagOperations: 0, durableOperations: 1 });
    await cluster.run(500);
    expect(seen.now).toMatchObject({ durableOperations: 4, durabilityProblem: undefined });
    await cluster.close();
  });

  it('a frame that goes into both waits for both', async () => {
    const { cluster, seen, tables } = await written({ ms: slow, outcomes: outcomes() });
    cluster.node(1).batch(() => NAMES.forEach((name) => tables[name].set('a', 1)));
    await cluster.run(150);
    expect(seen.now).toMatchObject({ lagOperations: 0, durableOperations: 0 });
    await cluster.run(500);
    expect(seen.now).toMatchObject({ durableOperations: 2 });
    await cluster.close();
  });

  it('goes on also behind more places than are waited for at one time', async () => {
    const { cluster, seen, tables, disks } = await written({ ms: slow, outcomes: outcomes() });
    const frames = 64 + 10;
    for (let index = 0; index < frames; index++) {
      tables[NAMES[index % 2] as 'sqlite'].set(`${index}`, index);
      await cluster.run(5);
    }
    expect(seen.now?.durableOperations).toBeLessThan(frames);
    const { segments } = disks()[late];
    for (let step = 0; step < frames; step++) {
      await cluster.run(500);
      // Every other operation is one of the slow disk.
      expect(Math.floor((seen.now?.durableOperations ?? 0) / 2)).toBeLessThanOrEqual(segments.length);
    }
    expect(seen.now).toMatchObject({ durableOperations: frames });
    await cluster.close();
  });

  it.each(['full', 'failed'] as const)(
    'that it is %s is told of what it keeps, and not of the rest',
    async (how) => {
      const now = outcomes();
      const { cluster, seen, tables } = await written({ ms: { sqlite: 5, other: 5 }, outcomes: now });
      now[late] = how;
      tables[late].set('a', 1);
      await cluster.run(300);
      const code = how === 'full' ? 'BACKEND_FULL' : 'BACKEND_FAILED';
      expect(seen.now).toMatchObject({ lagOperations: 0, durableOperations: 0, durabilityProblem: code });
      now[late] = 'kept';
      await cluster.run(2000);
      if (how === 'full') {
        expect(seen.now).toMatchObject({ durableOperations: 1, durabilityProblem: undefined });
      } else {
        expect(seen.now).toMatchObject({ durableOperations: 0, durabilityProblem: code });
      }
      await cluster.close().catch(() => undefined);
    },
  );

  it('its failure is in nobody’s way who writes to the other', async () => {
    const now = outcomes();
    const { cluster, seen, tables } = await written({ ms: { sqlite: 5, other: 5 }, outcomes: now });
    now[late] = 'failed';
    cluster.node(0).table('more', { key: 'string', backend: late }).add('x');
    await cluster.run(300);
    tables[prompt].set('a', 1);
    tables.memory.set('a', 1);
    await cluster.run(300);
    expect(seen.now).toMatchObject({ durableOperations: 2, durabilityProblem: undefined });
    await cluster.close().catch(() => undefined);
  });
});
