import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { Backoff } from '../../../src/work/backoff.ts';
import { connectZeek } from '../../../src/zeek/protocol/client.ts';
import { string } from '../../../src/zeek/protocol/data/zeek-data.ts';
import { writeAck, writeEvent } from '../../../src/zeek/protocol/messages.ts';
import { writeChanges } from '../../../src/zeek/protocol/table-changes.ts';
import { compileZeekTable } from '../../../src/zeek/protocol/zeek-table.ts';
import { StandIn } from './stand-in/server.ts';
import { testEnvironment } from './test-environment.ts';
import { cleanUp, later, Watcher } from './watcher.ts';

const hosts = compileZeekTable('Known::hosts', { type: 'table[addr] of count' });
afterEach(cleanUp);

async function zeek(): Promise<StandIn> {
  const cluster = new StandIn({
    tables: [{ table: hosts, publish: { changes: ['new', 'changed', 'removed', 'expired'] } }],
    pingMs: 50,
  });
  await cluster.listen();
  later(() => cluster.stop());
  return cluster;
}

function frame(key: string, value: number): string {
  const header = { time: Date.now(), nodeId: 'tablecast' };
  const batch = { maxChanges: 100, maxBytes: 1_000_000 };
  return writeChanges(hosts, [{ kind: 'new', key, value, time: 0 }], { header, batch }).frames[0] ?? '';
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('a client subscribes, says its name and is told what Zeek publishes', async () => {
  const cluster = await zeek();
  const watcher = new Watcher({ url: cluster.url, applicationName: 'tablecast/test' });
  await watcher.connected();
  cluster.node().set('Known::hosts', '10.0.0.1', 5);
  await watcher.until(() => watcher.events.length === 1);
  expect(watcher.events[0]).toMatchObject({
    topic: 'zeek/table/Known::hosts/',
    name: 'Cluster::table_change_infos',
  });
  expect(cluster.applicationNames).toEqual(['tablecast/test']);
  expect(watcher.states.map(({ kind }) => kind)).toEqual(['connecting', 'connected']);
  expect(watcher.client.state).toMatchObject({ kind: 'connected', version: '8.2.2' });
});

test('what a client sends is applied by Zeek and not given back to the client', async () => {
  const cluster = await zeek();
  const watcher = new Watcher({ url: cluster.url });
  await watcher.connected();
  const other = new Watcher({ url: cluster.url });
  await other.connected();
  expect(watcher.client.send(frame('10.0.0.1', 7))).toBe(true);
  await other.until(() => other.events.length === 1);
  expect(cluster.node().get('Known::hosts', '10.0.0.1')).toBe(7);
  expect(watcher.events).toEqual([]);
});

test('a client whose connection breaks comes back by itself with a new endpoint', async () => {
  const cluster = await zeek();
  const watcher = new Watcher({ url: cluster.url });
  await watcher.connected();
  cluster.cut();
  await watcher.connected(2);
  const endpoints = watcher.states.flatMap((state) => (state.kind === 'connected' ? [state.endpoint] : []));
  expect(new Set(endpoints).size).toBe(2);
  expect(watcher.states.map(({ kind }) => kind)).toEqual([
    'connecting',
    'connected',
    'waiting',
    'connecting',
    'connected',
  ]);
});

test('a client waits for a Zeek that is not there, and sends nothing meanwhile', async () => {
  const cluster = await zeek();
  await cluster.close();
  const watcher = new Watcher({ url: cluster.url });
  await watcher.until(() => watcher.problems.length >= 2);
  expect(watcher.client.send(frame('10.0.0.1', 1))).toBe(false);
  expect(watcher.problems[0]).toMatchObject({ code: 'PEER_UNREACHABLE', retryable: true });
  await cluster.listen();
  await watcher.connected();
  expect(cluster.node().size('Known::hosts')).toBe(0);
});

test('a Zeek that never acknowledges is given up with the hint that explains it', async () => {
  const cluster = await zeek();
  cluster.faults.silent = true;
  const watcher = new Watcher({ url: cluster.url, timings: { handshakeMs: 40 } });
  await watcher.until(() => watcher.problems.length === 1);
  expect(watcher.problems[0]).toMatchObject({ code: 'PEER_UNREACHABLE' });
  expect(watcher.problems[0]?.hint).toContain('separate logger');
});

test('a refusal is reported in the words of Zeek', async () => {
  const cluster = await zeek();
  const watcher = new Watcher({ url: `${cluster.url}/v1/other` });
  await watcher.until(() => watcher.problems.length === 1);
  expect(watcher.problems[0]).toMatchObject({ code: 'PEER_REFUSED' });
  expect(watcher.problems[0]?.message).toContain('invalid_uri: Invalid URI');
});

test('frames that are none of Zeek are reported and dropped, and the connection stays', async () => {
  const cluster = await zeek();
  const watcher = new Watcher({ url: cluster.url });
  await watcher.connected();
  const bad = [
    '',
    '[',
    '{"type":"ack"}',
    '{"type":"evil","__proto__":{"x":1}}',
    `${'['.repeat(9000)}1`,
    '{"type":"data-message","topic":"t","@data-type":"vector","data":[]}',
  ];
  for (const text of bad) cluster.sendRaw(text);
  await watcher.until(() => watcher.problems.length === bad.length);
  for (const problem of watcher.problems) expect(['FRAME_INVALID', 'LIMIT_EXCEEDED']).toContain(problem.code);
  cluster.node().set('Known::hosts', '10.0.0.1', 1);
  await watcher.until(() => watcher.events.length === 1);
  expect(watcher.states).toHaveLength(2);
});

test('an error that Zeek answers is reported, and the connection stays', async () => {
  const cluster = await zeek();
  const watcher = new Watcher({ url: cluster.url });
  await watcher.connected();
  watcher.client.send('{}');
  await watcher.until(() => watcher.problems.length === 1);
  expect(watcher.problems[0]?.message).toContain('failed to decode JSON object');
  expect(watcher.client.state.kind).toBe('connected');
});

test('a string that is not UTF-8 arrives as the bytes it is, apart from the text of their escape', async () => {
  const cluster = await zeek();
  const watcher = new Watcher({ url: cluster.url });
  await watcher.connected();
  const name = 'Some::event';
  const sent = Buffer.from(writeEvent({ topic: 't', name, args: [string('a@'), string('a\\xff')] }, 'zeek'));
  sent[sent.indexOf('a@') + 1] = 0xff;
  cluster.sendRaw(sent);
  await watcher.until(() => watcher.events.length === 1);
  expect(watcher.events[0]?.args).toEqual([string('a\u{f00ff}'), string('a\\xff')]);
  expect(watcher.problems).toEqual([]);
  expect(watcher.states).toHaveLength(2);
});

test('a full queue refuses frames and says when it takes more', async () => {
  const cluster = await zeek();
  const limits = { maxQueuedBytes: 200_000, lowWaterBytes: 1_000 };
  const watcher = new Watcher({ url: cluster.url, limits });
  await watcher.connected();
  const text = `${frame('10.0.0.1', 1)}${' '.repeat(50_000)}`;
  let accepted = 0;
  while (accepted < 10_000 && watcher.client.send(text)) accepted += 1;
  expect(accepted).toBeLessThan(10_000);
  expect(watcher.client.queuedBytes).toBeLessThanOrEqual(limits.maxQueuedBytes);
  await watcher.until(() => watcher.drains === 1);
  expect(watcher.client.send(frame('10.0.0.2', 2))).toBe(true);
  await until(() => cluster.node().size('Known::hosts') === 2);
});

test('a frame above the limit is refused', async () => {
  const cluster = await zeek();
  const watcher = new Watcher({ url: cluster.url, limits: { maxFrameBytes: 1000 } });
  await watcher.connected();
  expect(() => watcher.client.send(' '.repeat(1001))).toThrow(/1001 bytes/);
});

test('a connection that went silent is asked for a sign of life and then given up', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, autoPong: false });
  later(async () => {
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  });
  let pings = 0;
  server.on('connection', (socket) => {
    socket.on('ping', () => (pings += 1));
    socket.once('message', () => socket.send(writeAck('z-websocket-0', '8.2.2')));
  });
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const watcher = new Watcher({ url: `ws://127.0.0.1:${port}`, timings: { silenceMs: 30 } });
  await watcher.connected();
  await watcher.until(() => watcher.problems.length === 1);
  expect(pings).toBe(1);
  expect(watcher.problems[0]?.message).toContain('went silent');
});

test('a closed client stays closed', async () => {
  const cluster = await zeek();
  const watcher = new Watcher({ url: cluster.url });
  await watcher.connected();
  await watcher.client.close();
  await watcher.client.close();
  expect(watcher.client.state).toEqual({ kind: 'closed' });
  expect(watcher.client.send(frame('10.0.0.1', 1))).toBe(false);
  await until(() => cluster.clientCount === 0);
  expect(watcher.states.at(-1)).toEqual({ kind: 'closed' });
});

test('a client closed at once never connects', async () => {
  const cluster = await zeek();
  const watcher = new Watcher({ url: cluster.url });
  await watcher.client.close();
  await new Promise((resolve) => setImmediate(resolve));
  expect(watcher.states).toEqual([{ kind: 'closed' }]);
  expect(cluster.clientCount).toBe(0);
});

test.each([
  [{ url: 'http://127.0.0.1' }],
  [{ url: 'ws://name:secret@127.0.0.1' }],
  [{ url: 'ws://127.0.0.1#x' }],
  [{ url: 'nowhere' }],
  [{ url: 'ws://127.0.0.1', applicationName: 'two words' }],
  [{ url: 'ws://127.0.0.1', topics: Array<string>(1001).fill('') }],
])('options that can never work are refused: %o', (options) => {
  const handlers = { event() {}, state() {}, drain() {}, problem() {} };
  const attempt = (): unknown =>
    connectZeek({ topics: [], environment: testEnvironment, ...options }, handlers);
  expect(attempt).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
});

test('delays grow up to the maximum, each with some chance in it', () => {
  const backoff = new Backoff({ firstMs: 100, maxMs: 1000 }, () => 0);
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([50, 100, 200, 400, 500, 500]);
  backoff.reset();
  expect(backoff.next()).toBe(50);
  expect(new Backoff({ firstMs: 100, maxMs: 1000 }, () => 1 - Number.EPSILON).next()).toBeCloseTo(100);
});
