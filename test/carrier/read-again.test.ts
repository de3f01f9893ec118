import { afterEach, describe, expect, it } from 'vitest';
import { CarrierTransport } from '../../src/carrier/carrier-transport.ts';
import { readOwnHeader } from '../../src/projection/checkpoints/checkpoint-header.ts';
import { authorOf } from '../../src/carrier/subjects.ts';
import { readRunName } from '../../src/log/runs/run.ts';
import { decodeMessage, encodeMessage } from '../../src/replication/wire/wire.ts';
import { SeededRandom } from '../../src/simulation/seeded-random.ts';
import type { Cluster } from '../../src/simulation/cluster.ts';
import { carried, declaration, declare } from './carried.ts';

const clusters: Cluster[] = [];

afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.close();
});

/** A node of the test at a carrier with three operations of another: what it is given it takes, or does not. */
async function reader() {
  let delayMs = 1;
  const defer = (task: () => void): void => void cluster.time.schedule(delayMs, task);
  const { cluster, memory }: ReturnType<typeof carried> = carried(1, { defer });
  clusters.push(cluster);
  await cluster.start(0, declare);
  await cluster.run(1000);
  for (const key of ['one', 'two', 'three']) {
    cluster.node(0).table('t', declaration).set(key, 'a');
    await cluster.run(1000);
  }
  const [origin = ''] = memory.messages.flatMap(({ subject }) => authorOf(subject)?.origin ?? []);
  const told: string[] = [];
  const transport = new CarrierTransport({
    carrier: memory.forNode(),
    scheme: 'memory',
    id: 'memory.g',
    nodeId: 'reader',
    environment: cluster.time.environment(new SeededRandom(1)),
    readHeader: readOwnHeader,
    place: () => undefined,
    keep: () => undefined,
    report: ({ code }) => void told.push(code),
  });
  const connection = await cluster.time.until(transport.dial('memory://tests', new AbortController().signal));
  const given: { readonly at: number; readonly sequence: number }[] = [];
  connection.start({
    frame: (bytes) => {
      const message = decodeMessage(bytes);
      if (message.type !== 'runs') return;
      for (const run of message.runs)
        given.push({ at: cluster.time.now, sequence: readRunName(run).firstSequence });
    },
    drain: () => undefined,
    closed: () => undefined,
  });
  /** Says that it has so many operations of the other. */
  const say = (held: number, ...heldBack: { readonly sequence: number; readonly asked?: true }[]): void => {
    const state = {
      name: 't',
      fingerprint: '',
      mode: 'lww',
      declaration: {},
      held: held > 0 ? [[origin, held] as [string, number]] : [],
      heldBack: heldBack.map(({ sequence }) => ({
        origin,
        sequence,
        code: 'OPERATION_INVALID',
        reason: 'x',
      })),
    };
    connection.send(encodeMessage({ type: 'tables', tables: [state] }));
  };
  /** The carrier loses the first of them, and takes so long for each message from now on. */
  const lose = (ms: number): void => {
    memory.messages = memory.messages.filter(({ headers }) => headers['Tablecast-Held'] !== '1');
    delayMs = ms;
  };
  return { cluster, given, told, say, lose };
}

const sequences = (given: readonly { readonly sequence: number }[]): number[] =>
  given.map(({ sequence }) => sequence);

describe('what a node says that it lacks', () => {
  it('is given again, although it was given a moment ago and is asked for no more', async () => {
    const { cluster, given, say } = await reader();
    // Each time it did not take what came: it came without what stands before it, or too early.
    for (let times = 0; times < 4; times++) {
      say(0);
      await cluster.run(100);
    }
    expect(sequences(given.splice(0))).toEqual([1, 2, 3, 1, 2, 3]);
    await cluster.run(20_000);
    expect(sequences(given)).toEqual([1, 2, 3]);
  });

  it('is missing in the carrier, although the node says it anew while everything is read from its beginning', async () => {
    const { cluster, given, told, say, lose } = await reader();
    lose(1000);
    for (let seconds = 0; seconds < 60 && !told.includes('carrier-incomplete'); seconds += 2) {
      say(0);
      await cluster.run(2000);
    }
    expect(told).toEqual(['carrier-incomplete']);
    given.length = 0;
    await cluster.run(20_000);
    expect(sequences(given)).toContain(1);
  });

  it('is given ever more rarely to who never takes it', async () => {
    const { cluster, given, say } = await reader();
    for (let seconds = 0; seconds < 600; seconds++) {
      say(1);
      await cluster.run(1000);
    }
    const times = given.filter(({ sequence }) => sequence === 2).map(({ at }) => at);
    expect(times.length).toBeGreaterThan(6);
    expect(times.length).toBeLessThan(14);
    expect(times.at(-1)! - times.at(-2)!).toBeGreaterThan(2 * 60_000);
  });

  it('is given no more to who holds back its author, before that is asked for again', async () => {
    const { cluster, given, say } = await reader();
    for (let times = 0; times < 4; times++) {
      say(1, { sequence: 2 });
      await cluster.run(100);
    }
    given.length = 0;
    await cluster.run(60_000);
    expect(given).toEqual([]);
    say(1, { sequence: 2, asked: true });
    await cluster.run(10);
    expect(sequences(given)).toEqual([2, 3]);
  });
});
