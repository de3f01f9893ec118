import { expect, it } from 'vitest';
import type { CarrierLink, Subject } from '../../src/carrier/carrier.ts';
import { Ledger } from '../../src/carrier/ledger.ts';
import { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';
import { Publishing, type PublishingParts } from '../../src/carrier/publishing.ts';
import { BUNDLE, OPERATIONS, readHead } from '../../src/carrier/subjects.ts';
import type { TableNode } from '../../src/index.ts';
import { decodeMessage } from '../../src/replication/wire/wire.ts';
import { VirtualTime } from '../../src/simulation/virtual-time.ts';
import { SeededRandom } from '../../src/simulation/seeded-random.ts';
import { carried, codesOf, declaration, declare } from './carried.ts';

const both = (node: TableNode) => [node.table('t', declaration), node.table('other', declaration)] as const;

/** Counts how often somebody waits for answers about operations: questions asked together are waited for once. */
function countRounds(memory: MemoryCarrier): { rounds: number } {
  const counted = { rounds: 0 };
  let asked = 0;
  const waited = async <T>([kind = '']: Subject, answer: Promise<T>): Promise<T> => {
    if (![OPERATIONS, BUNDLE].includes(kind)) return answer;
    if (asked++ === 0) counted.rounds++;
    try {
      return await answer;
    } finally {
      asked--;
    }
  };
  const forNode = memory.forNode.bind(memory);
  memory.forNode = () => {
    const carrier = forNode();
    const open = async (signal: AbortSignal): Promise<CarrierLink> => {
      const link = await carrier.open(signal);
      const [append, last] = [link.append.bind(link), link.last.bind(link)];
      link.append = (message) => waited(message.subject, append(message));
      link.last = (subject) => waited(subject, last(subject));
      return link;
    };
    return { ...carrier, open };
  };
  return counted;
}

/** A node that writes batches over two tables to a carrier that can be full, and one that reads. */
async function writerAndReader() {
  const state = { isFull: false };
  const { cluster, memory } = carried(2, { outcome: () => (state.isFull ? 'full' : 'kept') });
  const counted = countRounds(memory);
  for (const index of [0, 1]) await cluster.start(index, (node) => void both(node));
  const [t, other] = both(cluster.node(1));
  const halves: string[] = [];
  for (const table of [t, other])
    table.changes.subscribe(({ key }) => {
      if (key !== 'between' && t.get(key) !== other.get(key)) halves.push(key);
    });
  const a = cluster.node(0);
  const batch = (key: string): void => {
    a.batch(() => {
      for (const table of both(a)) table.set(key, key);
    });
  };
  batch('first');
  await cluster.run(2000);
  expect(t.get('first')).toBe('first');
  return { cluster, state, counted, a, batch, t, other, halves };
}

/** Whom a publisher tells: what fails is kept, the rest is not looked at. */
function told(failures: unknown[]): Omit<PublishingParts, 'environment' | 'link' | 'ledger'> {
  return {
    nodeId: 'other',
    nonce: 'x',
    published: () => undefined,
    lacks: (table) => failures.push(table),
    thin: async () => undefined,
    refresh: async () => undefined,
    stalled: (error) => failures.push(error),
    recovered: () => undefined,
    failed: (error) => failures.push(error),
  };
}

it('a batch over two tables is waited for twice: its operations, and that all are there', async () => {
  const { cluster, counted, batch, t } = await writerAndReader();
  const before = counted.rounds;
  batch('second');
  await cluster.run(2000);
  expect(t.get('second')).toBe('second');
  expect(counted.rounds - before).toBe(2);
  await cluster.close();
});

it('batches that wait for a carrier are published together, with what was written between, and each stays one unit', async () => {
  const { cluster, state, counted, a, batch, t, other, halves } = await writerAndReader();
  state.isFull = true;
  for (let index = 0; index < 50; index++) {
    batch(`k${index}`);
    await cluster.run(20);
    both(a)[0].set('between', String(index));
    await cluster.run(20);
  }
  const before = counted.rounds;
  state.isFull = false;
  await cluster.run(15_000);
  expect([t.size, other.size]).toEqual([52, 51]);
  expect(t.get('between')).toBe('49');
  // Of the one that was refused each table is tried again at its time, then it ends; all others together take two.
  expect(counted.rounds - before).toBeLessThanOrEqual(5);
  const events = codesOf(cluster, 0).filter((code) => code.startsWith('carrier-'));
  expect(events).toEqual(['carrier-refused', 'carrier-recovered']);
  expect(halves).toEqual([]);
  await cluster.close();
});

it('an author of others is published in order: what is due before an earlier part waits for that', async () => {
  const { cluster, memory } = carried(1);
  const node = await cluster.start(0, declare);
  for (const key of ['one', 'two', 'three']) {
    node.table('t', declaration).set(key, key);
    await cluster.run(1000);
  }
  await cluster.close();
  const frames = memory.messages.filter(({ subject: [kind] }) => kind === OPERATIONS);
  const target = new MemoryCarrier('memory://target');
  const link = await target.forNode().open(new AbortController().signal);
  const time = new VirtualTime();
  const pauses = [0, 1, 0];
  const environment = {
    ...time.environment(new SeededRandom(1)),
    random: () => pauses.shift() ?? 0,
  };
  const ledger = new Ledger('other');
  const failures: unknown[] = [];
  const publishing = new Publishing({ ...told(failures), environment, link, ledger });
  for (const { bytes } of frames) {
    const message = decodeMessage(bytes);
    if (message.type === 'runs') publishing.offer(message.runs, bytes.length);
  }
  await time.run(5000);
  const held = target.messages.map(({ headers }) => readHead(headers)?.held);
  expect(held).toEqual([1, 3]);
  const read = target.messages.flatMap(({ bytes }) => {
    const message = decodeMessage(bytes);
    return message.type === 'runs' ? message.runs : [];
  });
  expect(read).toHaveLength(3);
  expect(failures).toEqual([]);
  publishing.stop();
});
