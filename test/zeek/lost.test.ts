/** What is lost on its way, in either direction, is told and made good. */
import { afterEach, expect, test } from 'vitest';
import { tableChangeEvent } from '../../src/zeek/protocol/table-changes.ts';
import type { ZeekEvent } from '../../src/zeek/protocol/index.ts';
import type { Apart } from './apart.ts';
import { compileZeekTable } from '../../src/zeek/protocol/zeek-table.ts';
import type { MapTable } from '../../src/index.ts';
import { NEVER, cluster, counts, isContent, joined, of, rows, timings } from './apart.ts';
import { e2eTables } from './cluster.ts';
import { StandIn } from './protocol/stand-in/server.ts';
import type { TablecastScriptOptions } from './protocol/stand-in/tablecast-script.ts';
import type { ZeekAttachmentOptions } from '../../src/zeek/options.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { type Attached, attached, attachmentTo, cleanUp, later, sorted, until } from './support.ts';
import { PATIENCE_MS } from '../support/patience.ts';

afterEach(cleanUp);

/** Frames of changes on the topic that everybody hears. */
const isShared = ({ name, topic }: ZeekEvent): boolean =>
  name === tableChangeEvent && topic.startsWith('zeek/table/');

/** Says true for every second time. */
function half(): () => boolean {
  let at = 0;
  return () => (at += 1) % 2 === 0;
}

const beating = (
  more: Partial<TablecastScriptOptions> = {},
  options: Partial<ZeekAttachmentOptions> = {},
): Promise<Apart> =>
  cluster({ timings: { ...timings, answerMs: 1000 }, ...options }, { pulseMs: 40, ...more });

test('half of what Zeek publishes is dropped: it is told with the number, and taken over', async () => {
  const apart = await beating();
  const a = await joined(apart);
  // What was published before a node's first pulse is not counted.
  const pulses = apart.zeek.pulses;
  await until(() => apart.zeek.pulses >= pulses + 6);
  const drop = half();
  apart.zeek.faults.drop = (event) => isShared(event) && drop();
  for (let at = 0; at < 3000; at++) apart.zeek.node('worker').set(counts, `k${at}`, at);
  await until(() => a.counts.size === 3000, 'all rows to come');
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

test('a change that one Zeek node missed from another is sent to it, and what it still holds is not taken over', async () => {
  const apart = await beating();
  const a = await joined(apart);
  const { zeek } = apart;
  zeek.node('worker').set(counts, 'a', 1);
  await until(() => a.counts.get('a') === 1);
  await settled(apart, a);
  const told: unknown[] = [];
  a.counts.changes.subscribe(({ value }) => told.push(value));
  zeek.faults.dropAt = (node, event) => node === zeek.node('manager') && isShared(event);
  zeek.node('worker').set(counts, 'a', 2);
  await until(() => a.counts.get('a') === 2);
  zeek.faults.dropAt = () => false;
  await settled(apart, a);
  expect([zeek.node('manager').get(counts, 'a'), told]).toEqual([2, [2]]);
});

test('what Zeek cannot take is neither taken back here nor a reason to remove the row', async () => {
  const name = 'E2e::texts';
  const type = 'table[string] of string';
  const table = compileZeekTable(name, { type });
  const zeek = new StandIn({
    tables: [{ table, publish: { changes: ['new', 'changed', 'removed'] } }],
    tablecast: { tables: [name], announceMs: NEVER, pulseMs: 40 },
    pingMs: 100,
  });
  await zeek.listen();
  later(() => zeek.stop());
  const a = await attached({ id: 'a' }, attachmentTo(zeek.url, { timings, tables: { [name]: { type } } }));
  await until(() => a.codes().includes('zeek-refilled'));
  const texts = a.node.tables.get(name) as unknown as MapTable<string, string>;
  const rests = async (): Promise<void> => {
    const { pulses } = zeek;
    await until(() => zeek.pulses >= pulses + 12);
  };
  texts.set('kept', 'old').set('back', 'old');
  await until(() => zeek.node().size(name) === 2);
  await rests();
  const tooLong = '\u0001'.repeat(200_000);
  texts.set('kept', tooLong).set('back', tooLong);
  await until(() => a.codes().includes('zeek-refused'));
  await rests();
  expect([texts.get('kept') === tooLong, texts.get('back') === tooLong]).toEqual([true, true]);
  zeek.faults.dropAt = (_, event) => isShared(event);
  texts.set('back', 'good');
  await until(() => zeek.node().get(name, 'back') === 'good');
  expect([texts.get('kept') === tooLong, texts.get('back')]).toEqual([true, 'good']);
});

test('what was added here and lost on its way is sent, and no addition is taken back', async () => {
  const apart = await beating(
    {},
    { tables: { ...e2eTables, [counts]: { type: 'table[string] of count', mode: 'automerge' } } },
  );
  const a = await joined(apart);
  const { zeek } = apart;
  a.counts.set('a', 1);
  a.counts.increment('a', 4);
  await until(() => zeek.node('worker').get(counts, 'a') === 5);
  await settled(apart, a);
  zeek.faults.dropAt = (_, event) => isShared(event);
  a.counts.increment('a', 2);
  await settled(apart, a);
  expect(a.counts.get('a')).toBe(7);
});

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
  const apart = await beating({}, { timings: { ...timings, answerMs: 150 } });
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
  // The table with rows, at both nodes; a busy machine may let one rest in between.
  expect(asked.length).toBeGreaterThanOrEqual(2);
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
  const all = { limitMs: 2 * PATIENCE_MS };
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
