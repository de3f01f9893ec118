/** What is lost on its way, in either direction, is told and made good. */
import { afterEach, expect, test } from 'vitest';
import { tableChangeEvent } from '../../src/zeek/protocol/table-changes.ts';
import type { ZeekEvent } from '../../src/zeek/protocol/index.ts';
import type { Apart } from './apart.ts';
import { cluster, counts, isContent, joined, of, rows, timings } from './apart.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { type Attached, cleanUp, sorted, until } from './support.ts';

afterEach(cleanUp);

/** Frames of changes on the topic that everybody hears. */
const isShared = ({ name, topic }: ZeekEvent): boolean =>
  name === tableChangeEvent && topic.startsWith('zeek/table/');

/** Says true for every second time. */
function half(): () => boolean {
  let at = 0;
  return () => (at += 1) % 2 === 0;
}

const beating = (more: object = {}, answerMs = 1000): Promise<Apart> =>
  cluster({ timings: { ...timings, answerMs } }, { pulseMs: 40, ...more });

test('half of what Zeek publishes is dropped: it is told with the number, and taken over', async () => {
  const apart = await beating();
  const a = await joined(apart);
  // What was published before a node's first pulse is not counted.
  const pulses = apart.zeek.pulses;
  await until(() => apart.zeek.pulses >= pulses + 6);
  const drop = half();
  apart.zeek.faults.drop = (event) => isShared(event) && drop();
  for (let at = 0; at < 3000; at++) apart.zeek.node('worker').set(counts, `k${at}`, at);
  await until(() => a.counts.size === 3000, 'all rows to come', { limitMs: 40_000 });
  expect(sorted(a.counts)).toEqual(rows(apart.zeek));
  const [missed] = of(a, 'zeek-missed');
  expect(missed).toMatchObject({ severity: 'warning', table: counts });
  expect(missed?.details?.['count']).toBeGreaterThan(0);
  await until(() => of(a, 'zeek-missed').some(({ details }) => Number(details?.['lostFrames']) > 0));
  await until(() => of(a, 'zeek-caught-up').length > 0);
});

test('half of what this node publishes is dropped at Zeek: it is told with the number, and sent again', async () => {
  const apart = await beating();
  const a = await joined(apart);
  const drop = half();
  // Many frames, of which each Zeek node loses others.
  apart.zeek.faults.dropAt = (_, event) => isShared(event) && drop();
  for (let at = 0; at < 150; at++) {
    a.counts.set(`k${at}`, at);
    await Promise.resolve();
    await a.node.flush();
  }
  await until(() => apart.zeek.node('manager').size(counts) === 150);
  await until(() => apart.zeek.node('worker').size(counts) === 150);
  expect(rows(apart.zeek, 'worker')).toEqual(sorted(a.counts));
  const [missed] = of(a, 'zeek-missed');
  expect(missed?.details?.['lostChanges']).toBeGreaterThan(50);
  await until(() => of(a, 'zeek-caught-up').length > 0);
});

test.each([false, true])(
  'a removal and a change that are lost alone are found, unnumbered: %s',
  async (unnumbered) => {
    const apart = await beating({ unnumbered });
    const a = await joined(apart);
    const worker = apart.zeek.node('worker');
    for (const key of ['a', 'b', 'c']) worker.set(counts, key, 1);
    await until(() => a.counts.size === 3);
    await settled(apart, a);
    apart.zeek.faults.drop = isShared;
    worker.delete(counts, 'a');
    await until(() => !a.counts.has('a'));
    worker.set(counts, 'b', 2);
    // Without numbers only the number of rows says that something is missing.
    if (unnumbered) worker.set(counts, 'd', 1);
    await until(() => a.counts.get('b') === 2);
    expect(sorted(a.counts)).toEqual(rows(apart.zeek, 'worker'));
    apart.zeek.faults.drop = () => false;
    apart.zeek.faults.dropAt = (_, event) => isShared(event);
    a.counts.set('c', 3);
    a.counts.delete('b');
    await settled(apart, a);
    await settled(apart, a);
  },
);

test.each([false, true])(
  'two Zeek nodes that hold other values of one key are brought together, unnumbered: %s',
  async (unnumbered) => {
    const apart = await beating({ unnumbered });
    const a = await joined(apart);
    const { zeek } = apart;
    zeek.node('worker').set(counts, 'a', 1);
    await until(() => a.counts.get('a') === 1);
    await settled(apart, a);
    zeek.faults.drop = isShared;
    zeek.faults.dropAt = (_, event) => isShared(event);
    zeek.node('worker').set(counts, 'a', 2);
    zeek.node('manager').set(counts, 'a', 3);
    zeek.faults.drop = () => false;
    zeek.faults.dropAt = () => false;
    // Without numbers nothing tells of a lost value until something else happens in the table.
    zeek.node('manager').set(counts, 'b', 1);
    await settled(apart, a);
  },
);

test('rows that Zeek removed without a word are gone here, those it never got are sent', async () => {
  const apart = await beating();
  const a = await joined(apart);
  const { zeek } = apart;
  for (let at = 0; at < 50; at++) zeek.node('worker').set(counts, `k${at}`, at);
  await until(() => a.counts.size === 50);
  await settled(apart, a);
  for (const node of ['manager', 'worker']) zeek.node(node).clear(counts);
  await until(() => a.counts.size === 0);
  // The refill of a Zeek node that starts again is lost on its way.
  a.counts.set('kept', 1);
  await settled(apart, a);
  zeek.faults.dropAt = (_, { topic, name }) =>
    name === tableChangeEvent && topic.startsWith('tablecast/node/');
  zeek.startNode('worker');
  await until(() => of(a, 'zeek-missed').some(({ message }) => message.includes('worker')));
  zeek.faults.dropAt = () => false;
  await until(() => zeek.node('worker').get(counts, 'kept') === 1);
  expect(a.counts.get('kept')).toBe(1);
});

test('what cannot be made good is told again with the reason, and done once it can', async () => {
  const apart = await beating({}, 150);
  const a = await joined(apart);
  apart.zeek.faults.drop = (event) => isShared(event) || isContent(event);
  apart.zeek.node('manager').set(counts, 'a', 1);
  await until(() => of(a, 'zeek-missed').some(({ message }) => message.includes('asked for again')));
  apart.zeek.faults.drop = () => false;
  await until(() => a.counts.get('a') === 1);
});

test('with nothing lost nothing is told, and each table asked for once that it rests', async () => {
  const apart = await beating();
  const a = await joined(apart);
  for (let at = 0; at < 500; at++) {
    apart.zeek.node(at % 2 === 0 ? 'manager' : 'worker').set(counts, `z${at % 50}`, at);
    a.counts.set(`t${at % 50}`, at);
  }
  await settled(apart, a);
  await settled(apart, a);
  const asked = apart.zeek.received.filter(({ name }) => name === 'Tablecast::content_wanted');
  expect(asked.length).toBeLessThanOrEqual(4);
  expect(of(a, 'zeek-missed')).toEqual([]);
});

test.each([1, 3, 6])(
  'whatever is dropped while both change, at rest both hold the same: seed %i',
  async (seed) => {
    const apart = await beating({ announceMs: 30, unnumbered: seed % 3 === 0 });
    const a = await joined(apart);
    const source = new SeededRandom(seed);
    const random = (): number => source.next();
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const isUnlucky = (event: ZeekEvent): boolean => event.name === tableChangeEvent && random() < 0.3;
    apart.zeek.faults.drop = isUnlucky;
    apart.zeek.faults.dropAt = (_, event) => isUnlucky(event);
    for (let step = 0; step < 200; step++) {
      const key = `k${Math.floor(random() * 30)}`;
      const node = apart.zeek.node(pick(['manager', 'worker']));
      const act = random();
      if (act < 0.4) node.set(counts, key, step);
      else if (act < 0.5) node.delete(counts, key);
      else if (act < 0.8) a.counts.set(key, step);
      else if (act < 0.9) a.counts.delete(key);
      else if (act < 0.91) apart.zeek.startNode('worker');
      else await new Promise((resolve) => setTimeout(resolve, 5));
    }
    apart.zeek.faults.drop = () => false;
    apart.zeek.faults.dropAt = () => false;
    apart.zeek.node('manager').set(counts, 'last', 1);
    await settled(apart, a);
  },
);

/** Waits until both Zeek nodes and this one hold the same over some pulses. */
async function settled({ zeek }: Apart, a: Attached): Promise<void> {
  const same = (): boolean => {
    const all = [sorted(a.counts), rows(zeek), rows(zeek, 'worker')].map((one) => JSON.stringify(one));
    return new Set(all).size === 1;
  };
  const all = { limitMs: 40_000 };
  let since = zeek.pulses;
  await until(
    () => {
      if (!same()) since = zeek.pulses;
      return zeek.pulses >= since + 8;
    },
    'all to hold the same',
    all,
  );
}
