import { afterEach, expect, test } from 'vitest';
import { openNode } from '../../src/index.ts';
import { type ZeekData, count, none, string, vector } from '../../src/zeek/protocol/data/zeek-data.ts';
import { tableChangeEvent } from '../../src/zeek/protocol/table-changes.ts';
import type { StandIn } from './protocol/stand-in/server.ts';
import { e2eTables, rowsOf, simulated } from './cluster.ts';
import { attached, attachmentTo, cleanUp, directory, later, quick, sorted, until } from './support.ts';

afterEach(cleanUp);

/** Leaves Zeek nodes that nobody announced alone. */
const patient = { ...quick, refillPauseMs: 60_000 };

async function started(...options: Parameters<typeof simulated>): Promise<StandIn> {
  const zeek = simulated(...options);
  await zeek.listen();
  later(() => zeek.stop());
  return zeek;
}

async function zeekHolds(zeek: StandIn, node: string, rows: Readonly<Record<string, number>>): Promise<void> {
  const wanted = JSON.stringify(sorted(Object.entries(rows)));
  await until(
    () => JSON.stringify(sorted(rowsOf(zeek, node, 'E2e::counts'))) === wanted,
    `${node} to hold ${wanted}`,
  );
}

/** Frames of table changes that clients sent, with the node id in their header and the number of changes. */
function published(zeek: StandIn): readonly (readonly [nodeId: string, changes: number])[] {
  return zeek.received
    .filter(({ name }) => name === tableChangeEvent)
    .map(({ args: [header, infos] }) => {
      const id = header?.type === 'vector' ? header.data[2] : undefined;
      return [
        id?.type === 'string' ? id.data : '',
        infos?.type === 'vector' ? infos.data.length : 0,
      ] as const;
    });
}

test('after a broken connection both sides keep what they wrote meanwhile, and it is said what may be missing', async () => {
  const zeek = await started();
  const a = await attached({ id: 'a' }, attachmentTo(zeek.url, { timings: patient }));
  a.counts.set('kept', 1).set('gone', 2);
  await zeekHolds(zeek, 'worker', { kept: 1, gone: 2 });
  zeek.node('worker').set('E2e::counts', 'theirs', 3);
  await until(() => a.counts.get('theirs') === 3);
  await zeek.close('crash');
  await until(() => a.codes().includes('zeek-lost'));
  zeek.node('worker').set('E2e::counts', 'theirs', 30);
  zeek.node('manager').set('E2e::counts', 'theirs', 30);
  a.counts.delete('gone');
  a.counts.set('new', 4);
  await zeek.listen();
  await until(() => a.codes().includes('zeek-missed'));
  await zeekHolds(zeek, 'worker', { kept: 1, theirs: 30, new: 4 });
  expect(a.codes().filter((code) => code === 'zeek-connected')).toHaveLength(2);
});

test('a node that was restarted sends Zeek what the log says it missed, and leaves the rest alone', async () => {
  const zeek = await started();
  const options = { id: 'a', directory: await directory() };
  const attachment = attachmentTo(zeek.url, { timings: patient });
  const before = await attached(options, attachment);
  before.counts.set('theirs', 1).set('gone', 2);
  await zeekHolds(zeek, 'worker', { theirs: 1, gone: 2 });
  await before.node.close();
  const between = await openNode(options);
  const counts = between.table('E2e::counts', { key: 'string', value: 'count', backend: 'sqlite' });
  counts.delete('gone');
  counts.set('new', 3);
  await between.close();
  zeek.node('worker').set('E2e::counts', 'theirs', 10);
  zeek.node('manager').set('E2e::counts', 'theirs', 10);
  const after = await attached(options, attachment);
  await zeekHolds(zeek, 'worker', { theirs: 10, new: 3 });
  await zeekHolds(zeek, 'manager', { theirs: 10, new: 3 });
  await until(() => after.codes().includes('zeek-missed'));
  expect(after.codes()).not.toContain('zeek-refilled');
});

test('a Zeek node without the script package is filled once it is heard of', async () => {
  const zeek = await started();
  const { counts, codes } = await attached({ id: 'a' }, attachmentTo(zeek.url));
  counts.set('ours', 1);
  await zeekHolds(zeek, 'worker', { ours: 1 });
  zeek.startNode('worker');
  expect(zeek.node('worker').size('E2e::counts')).toBe(0);
  zeek.node('worker').set('E2e::counts', 'theirs', 2);
  await zeekHolds(zeek, 'worker', { ours: 1, theirs: 2 });
  expect(codes()).not.toContain('zeek-problem');
});

test('announcements are answered at once, to the node that started only, and logged by Zeek', async () => {
  const announceMs = 30;
  const zeek = await started({ tablecast: { tables: ['E2e::counts', 'E2e::other'], announceMs } });
  const { counts, codes, events } = await attached({ id: 'a' }, attachmentTo(zeek.url));
  await until(() => zeek.script('worker').acknowledged && zeek.script('manager').acknowledged);
  counts.set('ours', 1);
  await zeekHolds(zeek, 'manager', { ours: 1 });
  const before = zeek.received.length;
  const restarted = zeek.startNode('worker');
  await until(() => zeek.script('worker').log.some(({ state }) => state === 'refilled'));
  expect(rowsOf(zeek, 'worker', 'E2e::counts')).toEqual(new Map([['ours', 1]]));
  const topics = zeek.received.slice(before).filter(({ name }) => name === tableChangeEvent);
  // More than once where the announcement was repeated before the answer came.
  expect(new Set(topics.map(({ topic }) => topic))).toEqual(new Set([`tablecast/node/${restarted.id}/`]));
  await until(() => codes().includes('zeek-refused'));
  expect(events.find(({ code }) => code === 'zeek-refused')?.message).toContain('E2e::other');
  await until(() => zeek.script('manager').log.some(({ state }) => state === 'refused'));
  expect(zeek.script('manager').log.map(({ state }) => state)).toContain('attached');
});

test('a row that Zeek removes while a node is being filled does not come back there', async () => {
  const zeek = await started({ tablecast: { tables: ['E2e::counts'], announceMs: 20 } });
  const { counts, codes } = await attached({ id: 'a' }, attachmentTo(zeek.url));
  await until(() => zeek.script('worker').acknowledged && zeek.script('manager').acknowledged);
  counts.set('stays', 1).set('goes', 2);
  await zeekHolds(zeek, 'manager', { stays: 1, goes: 2 });
  const refills = (): number => codes().filter((code) => code === 'zeek-refilled').length;
  const before = refills();
  zeek.read(false);
  zeek.startNode('worker');
  await until(() => refills() > before);
  zeek.node('manager').delete('E2e::counts', 'goes');
  await until(() => !counts.has('goes'));
  zeek.read(true);
  await until(() => zeek.script('worker').log.some(({ state }) => state === 'refilled'));
  await zeekHolds(zeek, 'worker', { stays: 1 });
});

test('the name of an announced node stays in its operations over restarts, so that vectors do not grow', async () => {
  const zeek = await started({ tablecast: { tables: ['E2e::counts'], announceMs: 20 } });
  const { counts } = await attached({ id: 'a' }, attachmentTo(zeek.url));
  const origins = new Set<string>();
  counts.changes.subscribe(({ origin }) => origins.add(origin));
  for (let round = 0; round < 3; round++) {
    zeek.startNode('worker');
    await until(() => zeek.script('worker').acknowledged);
    zeek.node('worker').set('E2e::counts', 'k', round);
    await until(() => counts.get('k') === round);
  }
  expect([...origins].map((origin) => origin.split('@')[0])).toEqual(['zeek.worker.a']);
});

test('what Zeek says reaches the other nodes of the group, and survives with its names', async () => {
  const zeek = await started();
  const options = { id: 'a', directory: await directory(), listen: { port: 0 } };
  const a = await attached(options, attachmentTo(zeek.url));
  const b = await openNode({ id: 'b', peers: [a.node.address ?? ''] });
  later(() => b.close());
  const copy = b.table('E2e::counts', { key: 'string', value: 'count' });
  const seen: string[] = [];
  copy.changes.subscribe(({ key, origin, operation }) => seen.push(`${key} ${origin} ${operation.sequence}`));
  await until(() => a.codes().includes('zeek-connected'));
  zeek.node('worker').set('E2e::counts', 'one', 1);
  await until(() => copy.get('one') === 1);
  await a.node.close();
  const again = await attached(options, attachmentTo(zeek.url));
  await until(() => again.codes().includes('zeek-connected'));
  const c = await openNode({ id: 'c', peers: [again.node.address ?? ''] });
  later(() => c.close());
  const third = c.table('E2e::counts', { key: 'string', value: 'count' });
  third.changes.subscribe(({ key, origin, operation }) =>
    seen.push(`${key} ${origin} ${operation.sequence}`),
  );
  zeek.node('worker').set('E2e::counts', 'two', 2);
  await until(() => third.get('two') === 2 && third.get('one') === 1);
  const [first = '', ...others] = seen;
  const origin = first.split(' ')[1];
  expect(origin).toMatch(/^zeek\.zeek_worker_.*\.a@/);
  expect([first, ...others]).toEqual([`one ${origin} 1`, `one ${origin} 1`, `two ${origin} 2`]);
});

test('two attachments to one cluster do not send it back what its own nodes said', async () => {
  const zeek = await started();
  const attachment = attachmentTo(zeek.url, { cluster: 'east', timings: patient });
  const a = await attached({ id: 'a', listen: { port: 0 } }, attachment);
  const b = await attached({ id: 'b', peers: [a.node.address ?? ''] }, attachment);
  await until(() => a.codes().includes('zeek-connected') && b.codes().includes('zeek-connected'));
  await until(() => a.codes().includes('peer-connected'));
  for (let at = 0; at < 50; at++) zeek.node('worker').set('E2e::counts', `k${at}`, at);
  await until(() => a.counts.size === 50 && b.counts.size === 50);
  a.counts.set('from a', 1);
  b.counts.set('from b', 2);
  await until(() => zeek.node('worker').size('E2e::counts') === 52);
  await until(() => a.counts.has('from b') && b.counts.has('from a'));
  const changes = published(zeek).reduce((sum, [, size]) => sum + size, 0);
  // Each attachment may publish the two rows of the group; none of the fifty.
  expect(changes).toBeLessThanOrEqual(4);
  expect([...a.codes(), ...b.codes()]).not.toContain('zeek-shared');
});

test('two attachments without a common name are told to have one', async () => {
  const zeek = await started();
  const a = await attached({ id: 'a', listen: { port: 0 } }, attachmentTo(zeek.url));
  const b = await attached({ id: 'b', peers: [a.node.address ?? ''] }, attachmentTo(zeek.url));
  await until(() => a.codes().includes('zeek-connected') && b.codes().includes('zeek-connected'));
  await until(() => a.codes().includes('peer-connected'));
  b.counts.set('k', 1);
  await until(() => a.codes().includes('zeek-shared'));
  expect(a.counts.get('k')).toBe(1);
});

test('clusters share tables through one node and through several', async () => {
  const east = await started();
  const west = await started();
  const north = await started();
  const a = await attached({ id: 'a', listen: { port: 0 } }, [
    attachmentTo(east.url, { cluster: 'east' }),
    attachmentTo(west.url, { cluster: 'west' }),
  ]);
  const b = await attached({ id: 'b', peers: [a.node.address ?? ''] }, attachmentTo(north.url));
  await until(() => a.codes().filter((code) => code === 'zeek-connected').length === 2);
  await until(() => b.codes().includes('zeek-connected') && b.codes().includes('peer-connected'));
  east.node('worker').set('E2e::counts', 'e', 1);
  west.node('worker').set('E2e::counts', 'w', 2);
  north.node('worker').set('E2e::counts', 'n', 3);
  for (const zeek of [east, west, north]) await zeekHolds(zeek, 'manager', { e: 1, w: 2, n: 3 });
  north.node('worker').delete('E2e::counts', 'e');
  for (const zeek of [east, west, north]) await zeekHolds(zeek, 'manager', { w: 2, n: 3 });
  expect(published(east).every(([id]) => id.startsWith('tablecast:a@'))).toBe(true);
});

test('a batch that Zeek lost is noticed at the next change of the row, and said on both sides', async () => {
  const zeek = await started({ tablecast: { tables: [], announceMs: 1000 } });
  const { counts, codes, events } = await attached({ id: 'a' }, attachmentTo(zeek.url));
  await until(() => codes().includes('zeek-connected'));
  zeek.node('worker').set('E2e::counts', 'k', 1);
  await until(() => counts.get('k') === 1);
  zeek.faults.dropEvery = 1;
  zeek.node('worker').set('E2e::counts', 'k', 2);
  await until(() => zeek.dropped === 1);
  zeek.faults.dropEvery = 0;
  zeek.node('worker').set('E2e::counts', 'k', 3);
  await until(() => codes().includes('zeek-diverged'));
  expect(events.find(({ code }) => code === 'zeek-diverged')).toMatchObject({
    severity: 'warning',
    table: 'E2e::counts',
    details: { count: 1, examples: ['k'] },
  });
  await until(() => zeek.script('manager').log.some(({ state }) => state === 'diverged'));
  expect(counts.get('k')).toBe(3);
});

test('changes that agree are not reported as divergence, whatever Zeek loses of their text', async () => {
  const zeek = await started();
  const tables = {
    'E2e::counts': { type: 'table[string] of count' },
  };
  const { counts, codes } = await attached({ id: 'a' }, attachmentTo(zeek.url, { tables }));
  await until(() => codes().includes('zeek-connected'));
  counts.set('k', 1);
  await zeekHolds(zeek, 'worker', { k: 1 });
  zeek.node('worker').set('E2e::counts', 'k', 2);
  await until(() => counts.get('k') === 2);
  zeek.node('worker').delete('E2e::counts', 'k');
  await until(() => counts.size === 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(codes()).not.toContain('zeek-diverged');
});

function change(kind: string, key: ZeekData, value: ZeekData, time = Date.now()): ZeekData {
  const timestamp: ZeekData = { type: 'timestamp', data: BigInt(time) * 1_000_000n };
  return vector({ type: 'enum-value', data: kind }, timestamp, vector(key), value, none);
}

function say(
  zeek: StandIn,
  infos: readonly ZeekData[],
  header: { table?: string; nodeId?: string } = {},
): void {
  const { table = 'E2e::counts', nodeId = 'someone' } = header;
  const time: ZeekData = { type: 'timestamp', data: BigInt(Date.now()) * 1_000_000n };
  const args = [vector(string(table), time, string(nodeId)), vector(...infos)];
  zeek.publish({ topic: 'zeek/table/E2e::counts/', name: tableChangeEvent, args });
}

test('an expiry that Zeek decided before the row was written again takes nothing away', async () => {
  const zeek = await started();
  const { counts, node, codes } = await attached({ id: 'a' }, attachmentTo(zeek.url));
  await until(() => codes().includes('zeek-connected'));
  counts.set('ours', 1).set('stale', 1);
  const expired = 'TABLE_ELEMENT_EXPIRED';
  say(zeek, [change(expired, string('ours'), count(1), Date.now() - 5000)]);
  say(zeek, [change(expired, string('stale'), count(1), Date.now() + 10)]);
  say(zeek, [change('TABLE_ELEMENT_NEW', string('mark'), count(1))]);
  await until(() => counts.has('mark'));
  expect([...counts.keys()]).toEqual(['ours', 'mark']);
  await node.flush();
});

test('hostile frames are refused one by one and harm nothing', async () => {
  const zeek = await started();
  const { counts, node, codes, events } = await attached({ id: 'a' }, attachmentTo(zeek.url));
  await until(() => codes().includes('zeek-connected'));
  const isNew = 'TABLE_ELEMENT_NEW';
  say(zeek, [change(isNew, count(1), count(1)), change(isNew, string('k'), string('no count'))]);
  say(zeek, [change('TABLE_ELEMENT_EXPLODED', string('k'), count(1)), none, vector()]);
  say(zeek, [change(isNew, string('x'.repeat(2_000_000)), count(1))]);
  say(zeek, [change(isNew, string('k'), none)]);
  say(zeek, [change(isNew, string('k'), count(1))], { table: '__proto__' });
  say(zeek, [change(isNew, string('k'), count(1))], { table: 'constructor', nodeId: '__proto__' });
  say(zeek, [change(isNew, string('k'), count(1))], { nodeId: 'n'.repeat(5000) });
  zeek.publish({ topic: 'zeek/table/E2e::counts/', name: tableChangeEvent, args: [] });
  zeek.publish({ topic: 'tablecast/announce/', name: 'Tablecast::node_started', args: [none, none] });
  const wanted = vector(...Array.from({ length: 5000 }, () => string('E2e::counts')));
  const args = [string('n'), string('i'), string('t'), wanted];
  zeek.publish({ topic: 'tablecast/announce/', name: 'Tablecast::node_started', args });
  for (const text of ['', '[', '{"type":"data-message"}', '{"__proto__":1}']) zeek.sendRaw(text);
  say(zeek, [change(isNew, string('__proto__'), count(7))], { nodeId: '../../etc' });
  await until(() => counts.get('__proto__') === 7);
  expect(counts.size).toBe(1);
  await until(() => codes().includes('zeek-refused') && codes().includes('zeek-problem'));
  expect(events.length).toBeLessThan(40);
  expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  await node.flush();
});

test('a flood of node ids shares a bounded number of origins', async () => {
  const zeek = await started();
  const { counts, codes } = await attached({ id: 'a' }, attachmentTo(zeek.url));
  await until(() => codes().includes('zeek-connected'));
  const origins = new Set<string>();
  counts.changes.subscribe(({ origin }) => origins.add(origin));
  for (let at = 0; at < 600; at++) {
    say(zeek, [change('TABLE_ELEMENT_NEW', string(`k${at}`), count(at))], { nodeId: `node ${at}` });
  }
  await until(() => counts.size === 600);
  expect(origins.size).toBeLessThanOrEqual(257);
});

test('a row that Zeek could not store is reported and keeps back no other', async () => {
  const zeek = await started();
  const tables = { ...e2eTables, 'E2e::kinds': { type: 'table[string] of Site::Kind' } };
  const withEnum = { ...tables, 'E2e::kinds': { type: 'table[string] of enum' } };
  const { counts, node, codes, events } = await attached(
    { id: 'a' },
    attachmentTo(zeek.url, { tables: withEnum }),
  );
  await until(() => codes().includes('zeek-connected'));
  const kinds = node.tables.get('E2e::kinds') as unknown as { set(key: string, value: string): void };
  kinds.set('k', 'Site::GOOD');
  counts.set('k', 1);
  await zeekHolds(zeek, 'worker', { k: 1 });
  await until(() => codes().includes('zeek-refused'));
  expect(events.find(({ code }) => code === 'zeek-refused')?.table).toBe('E2e::kinds');
  for (const zeekNode of zeek.nodes.values()) expect(zeekNode.nullEntries).toEqual([]);
});

test('options that cannot work are refused by name', async () => {
  const node = await openNode({ id: 'a' });
  later(() => node.close());
  const refused = (options: object): unknown => {
    try {
      node.attachZeek(options as never);
      return undefined;
    } catch (error) {
      return error;
    }
  };
  const tables = { 'E2e::counts': { type: 'table[string] of count' } };
  expect(refused({ url: 'http://127.0.0.1', tables })).toMatchObject({ code: 'OPTION_INVALID' });
  expect(refused({ url: 'ws://127.0.0.1:1', tables, cluster: 'a b' })).toMatchObject({
    code: 'OPTION_INVALID',
  });
  expect(refused({ url: 'ws://127.0.0.1:1', tables, more: 1 })).toMatchObject({ code: 'OPTION_INVALID' });
  expect(refused({ url: 'ws://127.0.0.1:1', tables: { 'no name': tables } })).toMatchObject({
    code: 'OPTION_INVALID',
  });
  expect(refused({ url: 'ws://127.0.0.1:1', tables: { bad: { type: 'table[R] of count' } } })).toMatchObject({
    code: 'DECLARATION_INVALID',
  });
  expect(refused({ url: 'ws://127.0.0.1:1', tables })).toBeUndefined();
  expect(refused({ url: 'ws://127.0.0.1:2', tables })).toMatchObject({ code: 'OPTION_INVALID' });
  await expect(openNode({ id: 'b', zeek: { url: 'nowhere', tables } })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  });
});

test('an attachment of the configuration works from the start, and can be closed and opened again', async () => {
  const zeek = await started();
  const node = await openNode({ id: 'a', zeek: attachmentTo(zeek.url) });
  later(() => node.close());
  const codes: string[] = [];
  node.events.subscribe(({ code }) => codes.push(code));
  await until(() => codes.includes('zeek-connected'));
  zeek.node('worker').set('E2e::counts', 'k', 1);
  await until(() => node.tables.get('E2e::counts')?.size === 1);
  const other = node.attachZeek(attachmentTo(zeek.url, { cluster: 'again' }));
  const states: string[] = [];
  other.state.subscribe(({ kind }) => states.push(kind));
  await until(() => states.includes('connected'));
  await other.close();
  expect(states.at(-1)).toBe('closed');
  node.attachZeek(attachmentTo(zeek.url, { cluster: 'again' }));
});
