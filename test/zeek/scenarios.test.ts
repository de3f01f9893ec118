/** What users of a Zeek cluster rely on, against the stand-in or a real Zeek: `npm run zeek:e2e`. */
import { afterEach, expect, test, vi } from 'vitest';
import { Cable } from './cable.ts';
import { type Direction, LossyWire } from './lossy-wire.ts';
import { type ServerPlace, SimulatedCluster, type ZeekUnderTest } from './cluster.ts';
import { RealZeek } from './real/real-zeek.ts';
import type { ZeekSetup } from './real/setups.ts';
import { newAuthority } from '../transport/websocket/certificates.ts';
import { attached, attachmentTo, cleanUp, directory, later, quick, sorted, until } from './support.ts';

const binary = process.env['ZEEK_BINARY'];
const setup = (process.env['ZEEK_SETUP'] ?? 'broker') as ZeekSetup;

// A real Zeek takes seconds to start, and minutes for a burst where it shares two cores with others.
if (binary !== undefined) vi.setConfig({ testTimeout: 600_000 });

afterEach(cleanUp);

async function startCluster(
  place: ServerPlace = {},
): Promise<ZeekUnderTest & { first: string; last: string }> {
  const cluster =
    binary === undefined ? await SimulatedCluster.start(place) : await RealZeek.start(binary, setup, place);
  later(() => cluster.stop());
  return Object.assign(cluster, { first: cluster.nodes[0] ?? '', last: cluster.nodes.at(-1) ?? '' });
}

/** Pulses of one Zeek node in ten seconds: see Tablecast::pulse_interval. The stand-in's come faster than pauses end. */
const TEN_SECONDS = binary === undefined ? Infinity : 5;

/** What was told to be lost between a Zeek node and this one, and how often that one had said since how it stands. */
interface Told {
  readonly zeekNode: string;
  readonly pulses: number;
  readonly numbers: Readonly<Record<string, unknown>>;
}

function sum(told: readonly Told[], number: string, at?: string): number {
  return told.reduce((all, { zeekNode, numbers }) => {
    return at === undefined || at === zeekNode ? all + Number(numbers[number]) : all;
  }, 0);
}

/** A node on a wire on which something can be lost, after every Zeek node has said how it stands. */
async function wired() {
  const cluster = await startCluster();
  const wire = await LossyWire.to(cluster.url);
  // A fifth of it is the pause before a table is looked at again.
  const timings = binary === undefined ? { ...quick, answerMs: 2000 } : quick;
  const a = await attached({ id: 'sensor' }, attachmentTo(wire.url, { timings }));
  const told: Told[] = [];
  a.node.events.subscribe(({ code, table, details: numbers }) => {
    const zeekNode = numbers?.['zeekNode'];
    if (code !== 'zeek-missed' || table !== 'E2e::counts' || typeof zeekNode !== 'string') return;
    told.push({ zeekNode, pulses: wire.pulses(zeekNode), numbers: numbers ?? {} });
  });
  const begun = (name: string): boolean => wire.pulses(wire.idOf(name)) >= 3;
  await until(() => cluster.nodes.every(begun), 'every Zeek node to say how it stands');
  return { ...a, cluster, wire, told };
}

async function holds(cluster: ZeekUnderTest, table: string, rows: Readonly<Record<string, unknown>>) {
  const wanted = sorted(Object.entries(rows));
  for (const node of cluster.nodes) {
    await until(
      async () => {
        const present = sorted(await cluster.rows(node, table));
        return JSON.stringify(present) === JSON.stringify(wanted);
      },
      `${node} to hold ${JSON.stringify(rows)} in ${table}`,
    );
  }
}

test('what Zeek inserts, changes and removes is here, as operations of the Zeek node', async () => {
  const cluster = await startCluster();
  const { counts, hosts, node, codes } = await attached({ id: 'sensor' }, attachmentTo(cluster.url));
  await until(() => codes().includes('zeek-connected'));
  const origins = new Set<string>();
  counts.changes.subscribe((change) => origins.add(change.origin));
  await cluster.put(cluster.last, 'E2e::counts', { key: 'a', value: 1 });
  await cluster.put(cluster.last, 'E2e::counts', { key: 'b', value: 2 });
  await cluster.put(cluster.first, 'E2e::hosts', { key: '10.0.0.1' });
  await until(() => counts.get('b') === 2 && hosts.has('10.0.0.1'));
  await cluster.put(cluster.last, 'E2e::counts', { key: 'a', value: 7 });
  await cluster.remove(cluster.last, 'E2e::counts', 'b');
  await cluster.remove(cluster.last, 'E2e::hosts', '10.0.0.1');
  await until(() => counts.get('a') === 7 && !counts.has('b') && hosts.size === 0);
  for (const origin of origins) expect(origin).toMatch(/^zeek\..+\.sensor@/);
  await node.flush();
});

test('what is written here is applied by every Zeek node and does not come back', async () => {
  const cluster = await startCluster();
  const { counts, hosts, node, codes } = await attached({ id: 'sensor' }, attachmentTo(cluster.url));
  await until(() => codes().includes('zeek-connected'));
  counts.set('a', 1).set('b', 2).set('c', 3);
  hosts.add('10.0.0.1').add('2001:db8::1');
  await holds(cluster, 'E2e::counts', { a: 1, b: 2, c: 3 });
  await holds(cluster, 'E2e::hosts', { '10.0.0.1': true, '2001:db8::1': true });
  counts.set('a', 5);
  counts.delete('b');
  hosts.clear();
  await holds(cluster, 'E2e::counts', { a: 5, c: 3 });
  await holds(cluster, 'E2e::hosts', {});
  expect(node.log.position).toBe(8);
});

test('a row that expires at Zeek is gone here, and an expiry here is one at Zeek', async () => {
  const cluster = await startCluster();
  const tables = {
    'E2e::short': { type: 'table[string] of count' },
    'E2e::counts': { type: 'table[string] of count', createExpire: '300ms' as const },
  };
  const { short, counts, codes } = await attached({ id: 'sensor' }, attachmentTo(cluster.url, { tables }));
  const kinds: string[] = [];
  await until(() => codes().includes('zeek-connected'));
  short.changes.subscribe(({ kind }) => kinds.push(kind));
  await cluster.put(cluster.last, 'E2e::short', { key: 'soon', value: 1 });
  counts.set('ours', 2);
  await holds(cluster, 'E2e::counts', { ours: 2 });
  await until(() => kinds.includes('expired'));
  expect(kinds[0]).toBe('new');
  expect(short.size).toBe(0);
  await holds(cluster, 'E2e::counts', {});
});

test('thousands of rows go both ways', async () => {
  const cluster = await startCluster();
  const { counts, hosts, codes } = await attached({ id: 'sensor' }, attachmentTo(cluster.url));
  await until(() => codes().includes('zeek-connected'));
  for (let at = 0; at < 3000; at++) counts.set(`key ${at}`, at);
  for (let at = 0; at < 1000; at++) {
    await cluster.put(cluster.last, 'E2e::hosts', { key: `10.1.${at >> 8}.${at & 255}` });
  }
  await until(() => hosts.size === 1000);
  for (const node of cluster.nodes) {
    await until(async () => (await cluster.rows(node, 'E2e::counts')).size === 3000);
  }
  expect((await cluster.rows(cluster.last, 'E2e::counts')).get('key 2999')).toBe(2999);
});

test('a burst of Zeek is here in the end, and what is lost of it has been told', async () => {
  const { cluster, wire, counts, told } = await wired();
  const rows = binary === undefined ? 2000 : 200_000;
  wire.loseEvery(5, 'node');
  await cluster.fill(cluster.last, 'E2e::counts', rows);
  await until(() => counts.size === rows, `${rows} rows to arrive`);
  const { frames, changes } = wire.lost('node');
  expect(frames).toBeGreaterThan(0);
  // An overloaded Zeek drops some itself.
  await until(
    () => sum(told, wire.isNumbered ? 'lostFrames' : 'count') >= (wire.isNumbered ? frames : changes),
  );
  expect(counts.get(`burst ${rows - 1}`)).toBe(rows - 1);
});

test('a burst of this node is at Zeek in the end, and what is lost of it has been told', async () => {
  const { cluster, wire, counts, told } = await wired();
  const rows = binary === undefined ? 2000 : 20_000;
  wire.loseEvery(2, 'zeek');
  for (let at = 0; at < rows; at++) counts.set(`burst ${at}`, at);
  for (const node of cluster.nodes) {
    await until(
      () => sum(told, 'lostChanges', wire.idOf(node)) >= wire.lost('zeek').changes,
      `${node} to miss some`,
    );
    await until(
      async () => (await cluster.rows(node, 'E2e::counts')).size === rows,
      `${rows} rows at ${node}`,
    );
  }
  expect(wire.lost('zeek').frames).toBeGreaterThan(0);
  expect((await cluster.rows(cluster.last, 'E2e::counts')).get(`burst ${rows - 1}`)).toBe(rows - 1);
});

test.each<Direction>(['node', 'zeek'])(
  'what is lost on its way is told with its number within ten seconds of pulses, and is there afterwards: to the %s',
  async (direction) => {
    const { cluster, wire, node, counts, told } = await wired();
    wire.loseEvery(3, direction);
    const rows: Record<string, number> = {};
    for (let at = 0; at < 12; at++) {
      const passed = wire.passed(direction);
      rows[`key ${at}`] = at;
      if (direction === 'zeek') counts.set(`key ${at}`, at);
      else await cluster.put(cluster.last, 'E2e::counts', { key: `key ${at}`, value: at });
      await node.flush();
      await until(() => wire.passed(direction) > passed, 'a frame to come by');
    }
    const { frames, changes } = wire.lost(direction);
    expect(frames).toBe(4);
    if (direction === 'zeek') {
      for (const name of cluster.nodes)
        await until(
          () => sum(told, 'lostChanges', wire.idOf(name)) === changes,
          `${name} to miss ${changes}`,
        );
    } else if (wire.isNumbered)
      await until(() => sum(told, 'lostFrames') === frames, `${frames} frames to be missed`);
    else await until(() => sum(told, 'count') === changes, `${changes} rows to be missed`);
    for (const { pulses } of told) expect(pulses).toBeLessThanOrEqual(TEN_SECONDS);
    await holds(cluster, 'E2e::counts', rows);
    const all = JSON.stringify(sorted(Object.entries(rows)));
    await until(() => JSON.stringify(sorted(counts)) === all, 'this node to hold the same');
  },
);

test('what a Zeek node loses of what is written here is told, and sent to it again', async () => {
  const cluster = await startCluster();
  const { node, counts, codes, events } = await attached({ id: 'sensor' }, attachmentTo(cluster.url));
  await until(() => codes().includes('zeek-connected'));
  counts.set('before', 0);
  await holds(cluster, 'E2e::counts', { before: 0 });
  await cluster.lose(cluster.first, 2);
  const rows: Record<string, number> = { before: 0 };
  for (let at = 0; at < 20; at++) {
    rows[`key ${at}`] = at;
    counts.set(`key ${at}`, at);
    await node.flush();
  }
  await until(() => codes().includes('zeek-missed'));
  await cluster.lose(cluster.first, 0);
  await holds(cluster, 'E2e::counts', rows);
  const told = events.find(({ code }) => code === 'zeek-missed');
  expect(told).toMatchObject({ table: 'E2e::counts' });
});

test('a Zeek node that starts again is filled, and only with what is valid now', async () => {
  const cluster = await startCluster();
  const { counts, codes } = await attached({ id: 'sensor' }, attachmentTo(cluster.url));
  await until(() => codes().includes('zeek-connected'));
  await cluster.put(cluster.last, 'E2e::counts', { key: 'theirs', value: 1 });
  counts.set('ours', 2).set('gone', 3);
  await holds(cluster, 'E2e::counts', { theirs: 1, ours: 2, gone: 3 });
  await cluster.restart(cluster.last);
  counts.delete('gone');
  await holds(cluster, 'E2e::counts', { theirs: 1, ours: 2 });
});

test('what Zeek and this node changed while they were apart is so on both sides afterwards', async () => {
  const cluster = await startCluster();
  const cable = await Cable.to(cluster.url);
  const { counts, hosts, codes } = await attached({ id: 'sensor' }, attachmentTo(cable.url));
  await until(() => codes().includes('zeek-connected'));
  for (const key of ['same', 'theirs', 'gone', 'ours']) {
    await cluster.put(cluster.last, 'E2e::counts', { key, value: 1 });
  }
  await cluster.put(cluster.last, 'E2e::hosts', { key: '10.0.0.1' });
  await holds(cluster, 'E2e::counts', { same: 1, theirs: 1, gone: 1, ours: 1 });
  await until(() => counts.size === 4 && hosts.size === 1);
  cable.pull();
  await until(() => codes().includes('zeek-lost'));
  await cluster.put(cluster.last, 'E2e::counts', { key: 'theirs', value: 2 });
  await cluster.put(cluster.last, 'E2e::counts', { key: 'new', value: 3 });
  await cluster.remove(cluster.last, 'E2e::counts', 'gone');
  await cluster.remove(cluster.last, 'E2e::hosts', '10.0.0.1');
  counts.set('ours', 4).set('new here', 5);
  await holds(cluster, 'E2e::counts', { same: 1, theirs: 2, new: 3, ours: 1 });
  cable.plug();
  await until(() => codes().includes('zeek-caught-up'));
  const rows = { same: 1, theirs: 2, new: 3, ours: 4, 'new here': 5 };
  await holds(cluster, 'E2e::counts', rows);
  expect(sorted(counts)).toEqual(sorted(Object.entries(rows)));
  expect(hosts.size).toBe(0);
});

test('Zeek and this node can be compared, key by key', async () => {
  const cluster = await startCluster();
  const { counts, zeek, codes } = await attached({ id: 'sensor' }, attachmentTo(cluster.url));
  await until(() => codes().includes('zeek-connected'));
  counts.set('a', 1).set('b', 2);
  await holds(cluster, 'E2e::counts', { a: 1, b: 2 });
  await until(async () => (await zeek.check('E2e::counts')).undecided === 0);
  const check = await zeek.check('E2e::counts');
  expect(check).toMatchObject({ rowsAtZeek: 2, different: [], onlyHere: [], onlyAtZeek: [], unreadable: 0 });
});

test('the content survives a restart of the whole Zeek cluster, and of this node', async () => {
  const cluster = await startCluster();
  const options = { id: 'sensor', directory: await directory() };
  const before = await attached(options, attachmentTo(cluster.url));
  await until(() => before.codes().includes('zeek-connected'));
  await cluster.put(cluster.last, 'E2e::counts', { key: 'theirs', value: 1 });
  before.counts.set('ours', 2).set('old', 3);
  await holds(cluster, 'E2e::counts', { theirs: 1, ours: 2, old: 3 });
  await until(() => before.counts.has('theirs'));
  await cluster.restart();
  before.counts.delete('old');
  await holds(cluster, 'E2e::counts', { theirs: 1, ours: 2 });
  await before.node.close();
  const after = await attached(options, attachmentTo(cluster.url));
  expect(sorted(after.counts)).toEqual([
    ['ours', 2],
    ['theirs', 1],
  ]);
  await cluster.restart();
  after.counts.set('new', 4);
  await holds(cluster, 'E2e::counts', { theirs: 1, ours: 2, new: 4 });
});

test('a WebSocket server on a worker serves as one on the manager, and each of both may start again', async () => {
  const cluster = await startCluster({ onWorker: true });
  const { counts, hosts, codes } = await attached({ id: 'sensor' }, attachmentTo(cluster.url));
  await until(() => codes().includes('zeek-connected'));
  await cluster.put(cluster.last, 'E2e::hosts', { key: '10.0.0.1' });
  await cluster.put(cluster.first, 'E2e::hosts', { key: '10.0.0.2' });
  counts.set('ours', 1);
  await until(() => hosts.size === 2);
  await holds(cluster, 'E2e::counts', { ours: 1 });
  await cluster.restart(cluster.last);
  await holds(cluster, 'E2e::hosts', { '10.0.0.1': true, '10.0.0.2': true });
  await cluster.restart(cluster.first);
  counts.set('later', 2);
  await holds(cluster, 'E2e::counts', { ours: 1, later: 2 });
  await holds(cluster, 'E2e::hosts', { '10.0.0.1': true, '10.0.0.2': true });
});

test('with certificates of both sides a cluster is attached, also after its restart, and without it is told why not', async () => {
  const authority = newAuthority();
  later(async () => authority.remove());
  const { ca } = authority;
  const [server, client] = [authority.issue('zeek'), authority.issue('sensor')];
  const cluster = await startCluster({ tls: { ca, server, client } });
  const stranger = await attached({ id: 'stranger' }, attachmentTo(cluster.url, { tls: { ca } }));
  await until(() => stranger.codes().includes('zeek-lost'));
  const told = stranger.events.find(({ code }) => code === 'zeek-lost');
  expect(`${told?.message}`).toMatch(/client certificate/);
  const tls = { ca, ...client };
  const { counts, codes } = await attached({ id: 'sensor' }, attachmentTo(cluster.url, { tls }));
  await until(() => codes().includes('zeek-connected'));
  await cluster.put(cluster.last, 'E2e::counts', { key: 'theirs', value: 1 });
  counts.set('ours', 2);
  await holds(cluster, 'E2e::counts', { theirs: 1, ours: 2 });
  await until(() => counts.has('theirs'));
  await cluster.restart();
  counts.set('later', 3);
  await holds(cluster, 'E2e::counts', { theirs: 1, ours: 2, later: 3 });
  expect(stranger.codes()).not.toContain('zeek-connected');
});
