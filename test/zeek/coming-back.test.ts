/** What Zeek changes while nobody listens is taken over when the connection is back. */
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { MapTable } from '../../src/index.ts';
import { openNode } from '../../src/index.ts';
import { string } from '../../src/zeek/protocol/data/zeek-data.ts';
import type { ZeekEvent } from '../../src/zeek/protocol/index.ts';
import { tableChangeEvent } from '../../src/zeek/protocol/table-changes.ts';
import { compileZeekTable } from '../../src/zeek/protocol/zeek-table.ts';
import {
  NEVER,
  allHold,
  begun,
  begunWith,
  cluster,
  counts,
  ends,
  impatient,
  isContent,
  isRows,
  joined,
  of,
  plugged,
  pulled,
  rows,
  timings,
} from './apart.ts';
import { Cable } from './cable.ts';
import { e2eTables, simulated } from './cluster.ts';
import { StandIn } from './protocol/stand-in/server.ts';
import type { ZeekNode } from './protocol/stand-in/zeek-node.ts';
import { attached, attachmentTo, cleanUp, directory, later, sorted, until } from './support.ts';

afterEach(cleanUp);

test('rows that Zeek inserted, changed, removed or let go meanwhile are so here, as operations of Zeek', async () => {
  const apart = await cluster();
  const { zeek } = apart;
  const a = await joined(apart);
  await begun(apart, a, { same: 1, changed: 2, removed: 3 });
  // It lives for two seconds from here on, however long the machine takes for what comes before.
  zeek.node('worker').set('E2e::short', 'expires', 4);
  await until(() => a.short.has('expires'));
  const origins = new Set<string>();
  const position = a.node.log.position;
  a.counts.changes.subscribe(({ origin }) => origins.add(origin.split('@')[0] ?? ''));
  await pulled(apart, a);
  zeek.node('worker').set(counts, 'inserted', 5);
  zeek.node('worker').set(counts, 'changed', 20);
  zeek.node('manager').delete(counts, 'removed');
  await until(() => zeek.node('manager').size('E2e::short') === 0);
  expect(a.short.has('expires')).toBe(true);
  await plugged(apart);
  await allHold(apart, a, { same: 1, changed: 20, inserted: 5 });
  await until(() => a.codes().includes('zeek-caught-up'));
  expect(a.short.size).toBe(0);
  expect([...origins]).toEqual(['zeek.manager.a']);
  expect(a.node.log.position - position).toBe(4);
  expect(of(a, 'zeek-caught-up')[0]?.details).toMatchObject({
    changed: 2,
    removed: 2,
    tables: Object.keys(e2eTables),
  });
  expect(a.codes()).not.toContain('zeek-missed');
  await until(() => zeek.script('manager').log.some(({ state }) => state === 'caught-up'));
});

test('what changed here meanwhile stands and is sent; what changed on both sides is reported by its key', async () => {
  const apart = await cluster();
  const { zeek } = apart;
  const a = await joined(apart);
  await begun(apart, a, { ours: 1, theirs: 1, both: 1, gone: 1, alike: 1, 'gone here': 1 });
  await pulled(apart, a);
  a.counts.set('ours', 2).set('ours', 3).set('both', 2).set('gone', 2).set('alike', 7).set('new', 8);
  a.counts.delete('gone here');
  const worker = zeek.node('worker');
  worker.set(counts, 'theirs', 30);
  worker.set(counts, 'both', 30);
  worker.set(counts, 'alike', 7);
  worker.delete(counts, 'gone');
  await plugged(apart);
  await allHold(apart, a, { ours: 3, theirs: 30, both: 2, gone: 2, alike: 7, new: 8 });
  await until(() => a.codes().includes('zeek-diverged'));
  expect(of(a, 'zeek-diverged')).toHaveLength(1);
  expect(of(a, 'zeek-diverged')[0]?.details).toMatchObject({ count: 2, examples: ['both', 'gone'] });
});

test('a node that was not running takes over what Zeek changed, but for what its log says it changed itself', async () => {
  const apart = await cluster();
  const { zeek } = apart;
  const options = { id: 'a', directory: await directory() };
  const before = await joined(apart, options);
  before.counts.set('ours', 1).set('theirs', 1).set('both', 1).set('gone', 1);
  await allHold(apart, before, { ours: 1, theirs: 1, both: 1, gone: 1 });
  await before.node.close();
  const between = await openNode(options);
  const table = between.table(counts, { key: 'string', value: 'count', backend: 'sqlite' });
  table.set('ours', 2).set('both', 2);
  await between.close();
  zeek.node('worker').set(counts, 'theirs', 30);
  zeek.node('worker').set(counts, 'both', 30);
  zeek.node('worker').delete(counts, 'gone');
  zeek.node('worker').set(counts, 'new', 4);
  const after = await attached(options, apart.attachment);
  await allHold(apart, after, { ours: 2, theirs: 30, both: 2, new: 4 });
  await until(() => after.codes().includes('zeek-diverged'));
  expect(of(after, 'zeek-diverged')[0]?.details).toMatchObject({ count: 1, examples: ['both'] });
  expect(of(after, 'zeek-caught-up')[0]?.details).toMatchObject({ changed: 2, removed: 1 });
  expect(after.codes()).not.toContain('zeek-missed');
});

test('tables that are not kept on disk are not compared after a restart of this node', async () => {
  const apart = await cluster({ tables: { [counts]: { ...e2eTables[counts], backend: 'memory' } } });
  const options = { id: 'a', directory: await directory() };
  const before = await attached(options, apart.attachment);
  before.counts.set('k', 1);
  await until(() => rows(apart.zeek, 'worker').length === 1);
  await before.node.close();
  const after = await attached(options, apart.attachment);
  await until(() => after.codes().includes('zeek-missed'));
  expect(of(after, 'zeek-missed')[0]?.message).toContain('not kept on disk');
  expect(after.counts.size).toBe(0);
  expect(rows(apart.zeek)).toEqual([['k', 1]]);
});

test('changes that arrive while Zeek tells what it holds are newer than what it tells', async () => {
  const apart = await cluster();
  const { zeek } = apart;
  const a = await joined(apart);
  await begun(apart, a, { k: 1, stays: 1 });
  await pulled(apart, a);
  zeek.node('worker').set(counts, 'k', 2);
  zeek.node('worker').set(counts, 'ghost', 2);
  zeek.node('worker').set(counts, 'ours', 2);
  let isFirst = true;
  zeek.faults.drop = (event) => {
    if (isFirst && ends(event)) {
      isFirst = false;
      zeek.node('worker').set(counts, 'k', 3);
      zeek.node('worker').delete(counts, 'ghost');
      a.counts.set('ours', 4);
      a.counts.delete('stays');
    }
    return false;
  };
  await plugged(apart);
  await until(() => a.codes().includes('zeek-caught-up'));
  await allHold(apart, a, { k: 3, ours: 4 });
});

test('a connection that breaks in the middle of the answer costs nothing: the next one asks again', async () => {
  const apart = await cluster();
  const { zeek, cable } = apart;
  const a = await joined(apart);
  await begunWith(apart, a, 2500);
  await pulled(apart, a);
  zeek.node('worker').set(counts, 'k7', 70);
  zeek.node('worker').delete(counts, 'k8');
  let seen = 0;
  zeek.faults.drop = (event) => {
    if (isRows(event) && ++seen === 2) cable.cut();
    return false;
  };
  const lost = of(a, 'zeek-lost').length;
  await plugged(apart);
  await until(() => of(a, 'zeek-lost').length > lost);
  await until(() => a.codes().includes('zeek-caught-up'));
  expect(sorted(a.counts)).toEqual(rows(zeek));
  expect([a.counts.get('k7'), a.counts.has('k8'), a.counts.size]).toEqual([70, false, 2499]);
});

test('a Zeek that is started again in the middle of the answer is filled, and takes no row away', async () => {
  const apart = await cluster();
  const { zeek } = apart;
  const a = await joined(apart);
  await begunWith(apart, a, 1500);
  await pulled(apart, a);
  let restarted: Promise<void> | undefined;
  zeek.faults.drop = (event) => {
    if (isRows(event)) restarted ??= zeek.restart();
    return restarted !== undefined && isContent(event);
  };
  await plugged(apart);
  await until(() => restarted !== undefined);
  await restarted;
  await until(() => zeek.node('worker').size(counts) === 1500 && zeek.node('manager').size(counts) === 1500);
  expect(a.counts.size).toBe(1500);
});

test('a lost frame of the answer is noticed, and the question asked again', async () => {
  for (const lost of [isRows, ends, (event: ZeekEvent) => event.name === 'Tablecast::content_begins']) {
    const apart = await cluster(impatient);
    const a = await joined(apart);
    await begun(apart, a, { k: 1 });
    await pulled(apart, a);
    apart.zeek.node('worker').set(counts, 'k', 2);
    let dropped = 0;
    apart.zeek.faults.drop = (event) => isContent(event) && lost(event) && dropped++ === 0;
    await plugged(apart);
    await allHold(apart, a, { k: 2 });
    expect(dropped).toBeGreaterThan(0);
    await cleanUp();
  }
});

test('an answer that never ends is given up after three times, said, and changes nothing', async () => {
  const apart = await cluster(impatient);
  const { zeek } = apart;
  const a = await joined(apart);
  await begun(apart, a, { k: 1, gone: 1 });
  await pulled(apart, a);
  zeek.node('worker').set(counts, 'k', 2);
  zeek.node('worker').delete(counts, 'gone');
  zeek.faults.drop = ends;
  await plugged(apart);
  await until(() => a.codes().includes('zeek-missed'));
  expect(zeek.received.filter(({ name }) => name === 'Tablecast::content_wanted')).toHaveLength(9);
  expect(of(a, 'zeek-missed')[0]?.details).toMatchObject({ tables: Object.keys(e2eTables) });
  expect(sorted(a.counts)).toEqual([
    ['gone', 1],
    ['k', 1],
  ]);
  zeek.faults.drop = () => false;
  await pulled(apart, a);
  await plugged(apart);
  await allHold(apart, a, { k: 2 });
});

test('a table of 25,000 rows is taken over, and compared as a whole', async () => {
  const apart = await cluster();
  const { zeek } = apart;
  const a = await joined(apart);
  const nodes = [zeek.node('manager'), zeek.node('worker')];
  const change = (act: (node: ZeekNode) => void): void => nodes.forEach((node) => act(node));
  await pulled(apart, a);
  change((node) => {
    for (let at = 0; at < 25_000; at++) node.setInside(counts, `k${at}`, at);
  });
  await plugged(apart);
  await until(() => of(a, 'zeek-caught-up').length === 1, 'it to catch up');
  expect(of(a, 'zeek-caught-up')[0]?.details).toMatchObject({ changed: 25_000, removed: 0 });
  await pulled(apart, a);
  change((node) => {
    for (let at = 0; at < 25_000; at += 10) {
      if (at % 100 === 0) node.table(counts).take([string(`k${at}`)]);
      else node.setInside(counts, `k${at}`, at + 1);
      node.setInside(counts, `new ${at}`, at);
    }
  });
  await plugged(apart);
  await until(() => of(a, 'zeek-caught-up').length === 2, 'it to catch up again');
  expect(of(a, 'zeek-caught-up')[1]?.details).toMatchObject({ changed: 4750, removed: 250 });
  expect(sorted(a.counts)).toEqual(rows(zeek));
});

test('a table that was not sent whole when the connection broke loses nothing by it', async () => {
  const zeek = simulated({ tablecast: { tables: [counts], announceMs: 150 } });
  await zeek.listen();
  later(() => zeek.stop());
  const cable = await Cable.to(zeek.url);
  cable.pull();
  const attachment = attachmentTo(cable.url, { timings, limits: { maxQueuedBytes: 65_536 } });
  const a = await attached({ id: 'a' }, attachment);
  for (let at = 0; at < 3000; at++) a.counts.set(`k${at}`, at);
  cable.plug();
  await until(() => zeek.received.some(({ name }) => name === tableChangeEvent));
  cable.cut();
  await until(() => of(a, 'zeek-connected').length === 2);
  for (const node of ['manager', 'worker']) {
    await until(() => zeek.node(node).size(counts) === 3000, `${node} to be filled`);
  }
  expect(a.counts.size).toBe(3000);
});

test('a row that Zeek could never hold is not taken for one that it removed', async () => {
  const name = 'E2e::long';
  const type = 'table[string] of string';
  const table = compileZeekTable(name, { type });
  const zeek = new StandIn({
    tables: [{ table, publish: { changes: ['new'] } }],
    tablecast: { tables: [name], announceMs: NEVER },
    pingMs: 100,
  });
  await zeek.listen();
  later(() => zeek.stop());
  const cable = await Cable.to(zeek.url);
  const a = await attached({ id: 'a' }, attachmentTo(cable.url, { timings, tables: { [name]: { type } } }));
  await until(() => a.codes().includes('zeek-refilled'));
  const texts = a.node.tables.get(name) as unknown as MapTable<string, string>;
  texts.set('long', '\u0001'.repeat(200_000)).set('short', 'x');
  await until(() => zeek.node().size(name) === 1);
  // So long after they were sent, both count as arrived.
  await new Promise((resolve) => setTimeout(resolve, 2600));
  await pulled({ zeek, cable, attachment: { url: '', tables: {} } }, a);
  zeek
    .node()
    .table(name)
    .take([string('short')]);
  cable.plug();
  await until(() => a.codes().includes('zeek-caught-up'));
  expect([...texts.keys()]).toEqual(['long']);
});

/** What happens to a key while both sides are apart, in order; a value, or a removal. */
const step = fc.record({
  side: fc.constantFrom('zeek', 'here'),
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  value: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
});

/** Zeek writes an equal value again, which waits for a batch while its rows are equal already. */
const batched = [
  { side: 'zeek', key: 'a', value: 0 },
  { side: 'zeek', key: 'a', value: 0 },
  { side: 'here', key: 'a', value: 0 },
  { side: 'here', key: 'a', value: 3 },
];

test('whatever happens while both sides are apart, each keeps what only it changed, and the rest is told', async () => {
  const apart = await cluster();
  const { zeek } = apart;
  const a = await joined(apart);
  const manager = zeek.node('manager');
  let round = 0;
  const diverged = (): number =>
    of(a, 'zeek-diverged').reduce((sum, { details }) => sum + Number(details?.['count']), 0);
  const steps = fc.array(step, { maxLength: 14 });
  const apartOnce = async (taken: readonly { side: string; key: string; value: number | undefined }[]) => {
    const base = { a: 100, b: 200, c: 300, always: ++round };
    for (const key of ['d', 'e']) zeek.node('worker').delete(counts, key);
    await begun(apart, a, base);
    const [before, caught] = [diverged(), of(a, 'zeek-caught-up').length];
    await pulled(apart, a);
    const wanted = new Map<string, number | undefined>(Object.entries(base));
    const theirs = new Map(wanted);
    const known = new Map<string, (number | undefined)[]>();
    for (const { side, key, value } of taken) {
      if (side === 'zeek') {
        if (value === undefined) manager.delete(counts, key);
        else manager.set(counts, key, value);
        theirs.set(key, value);
        continue;
      }
      // Removing what is not there is no change.
      if (value === undefined && !a.counts.has(key)) continue;
      known.set(key, [...(known.get(key) ?? []), wanted.get(key)]);
      if (value === undefined) a.counts.delete(key);
      else a.counts.set(key, value);
      wanted.set(key, value);
    }
    for (const [key, value] of theirs) if (!known.has(key)) wanted.set(key, value);
    const both = [...known].filter(
      ([key, states]) => ![...states, wanted.get(key)].includes(theirs.get(key)),
    );
    await plugged(apart);
    await until(() => of(a, 'zeek-caught-up').length > caught);
    const rest = [...wanted].filter((entry): entry is [string, number] => entry[1] !== undefined);
    await allHold(apart, a, Object.fromEntries(rest));
    await until(() => diverged() - before >= both.length, `${both.length} to be reported`);
    expect(diverged() - before).toBe(both.length);
  };
  await fc.assert(fc.asyncProperty(steps, apartOnce), { numRuns: 12, examples: [[batched]] });
  expect(round).toBeGreaterThanOrEqual(12);
});
