import { afterEach, describe, expect, it } from 'vitest';
import type { AccessRequest, Credential } from '../../../src/access/rights.ts';
import type { Connection, Transport } from '../../../src/transport/transport.ts';
import type { WebSocketOptions } from '../../../src/transport/websocket/options.ts';
import { webSocketTransport } from '../../../src/transport/websocket/websocket.ts';
import { Observed, codeOf } from '../observed.ts';
import { type HeaderChanges, RawClient, upgradeRequest } from './raw-client.ts';

const token = 'right-token';
const authorized = { Authorization: `Bearer ${token}` };
const signal = new AbortController().signal;
const opened: Transport[] = [];
const clients: RawClient[] = [];
const accepted: Connection[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
  accepted.length = 0;
});

function open(options: WebSocketOptions = {}): Transport {
  const transport = webSocketTransport(options);
  opened.push(transport);
  return transport;
}

async function listening(options: WebSocketOptions = {}): Promise<{ address: string; port: number }> {
  const transport = open({ listen: { port: 0 }, ...options });
  const address = await transport.listen((connection) => {
    accepted.push(connection);
    connection.start({ frame: () => undefined, drain: () => undefined, closed: () => undefined });
  });
  return { address, port: Number(new URL(address).port) };
}

function raw(port: number, text = ''): RawClient {
  const client = new RawClient(port);
  clients.push(client);
  client.socket.write(text);
  return client;
}

async function statusOf(options: WebSocketOptions, changes: HeaderChanges, path?: string): Promise<number> {
  const { port } = await listening(options);
  return raw(port, upgradeRequest(changes, path)).status();
}

describe('websocket admission', () => {
  const auth = { token };
  const credentials: [string, HeaderChanges, number][] = [
    ['no token', {}, 401],
    ['a wrong token', { Authorization: 'Bearer wrong-token' }, 401],
    ['a prefix of the token', { Authorization: `Bearer ${token.slice(0, -1)}` }, 401],
    ['an empty token', { Authorization: 'Bearer ' }, 401],
    ['another scheme', { Authorization: `Basic ${token}` }, 401],
    [
      'a token in the subprotocol that is wrong',
      { 'Sec-WebSocket-Protocol': 'tablecast.1, tablecast.token.d3Jvbmc' },
      401,
    ],
    ['the token', authorized, 101],
  ];
  it.each(credentials)('with %s: %#', async (_what, changes, status) => {
    expect(await statusOf({ auth }, changes)).toBe(status);
    expect(accepted.map((connection) => connection.credential)).toEqual(status === 101 ? ['token'] : []);
  });

  it('takes a token from the subprotocol and does not send it back', async () => {
    const { port } = await listening({ auth });
    const given = Buffer.from(token).toString('base64url');
    const client = raw(
      port,
      upgradeRequest({ 'Sec-WebSocket-Protocol': `tablecast.1, tablecast.token.${given}` }),
    );
    expect(await client.status()).toBe(101);
    expect(client.text).toMatch(/sec-websocket-protocol: tablecast\.1\r\n/i);
    expect(client.text).not.toContain(given);
  });

  it('never takes a token from the URL', async () => {
    expect(await statusOf({ auth }, {}, `/tablecast?token=${token}`)).toBe(401);
  });

  it('refuses a page of another site, even with the token, unless its origin is listed', async () => {
    const evil = { ...authorized, Origin: 'https://evil.example' };
    expect(await statusOf({ auth }, evil)).toBe(403);
    expect(await statusOf({ auth }, { ...authorized, Origin: 'null' })).toBe(403);
    expect(await statusOf({ auth, origins: ['https://evil.example.org'] }, evil)).toBe(403);
    expect(
      await statusOf(
        { auth, origins: ['https://good.example'] },
        { ...authorized, Origin: 'https://good.example' },
      ),
    ).toBe(101);
  });

  const hosts: [string, number][] = [
    ['localhost:4000', 101],
    ['LOCALHOST', 101],
    ['127.0.0.1:1', 101],
    ['[::1]:4000', 101],
    ['evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example:80', 403],
    ['localhost@evil.example', 403],
    ['', 403],
  ];
  it.each(hosts)('on loopback, Host "%s" gets %d', async (Host, status) => {
    expect(await statusOf({}, { Host })).toBe(status);
  });

  it('answers other paths, other subprotocols and plain HTTP with one line', async () => {
    expect(await statusOf({}, {}, '/other')).toBe(404);
    expect(await statusOf({}, {}, '/tablecast/../x')).toBe(404);
    expect(await statusOf({}, { 'Sec-WebSocket-Protocol': 'chat' })).toBe(426);
    expect(await statusOf({}, { 'Sec-WebSocket-Protocol': undefined })).toBe(426);
    expect(await statusOf({}, { 'Sec-WebSocket-Key': 'short' })).toBe(400);
    const { port } = await listening();
    const get = raw(port, 'GET /tablecast HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    expect(await get.status()).toBe(426);
    await get.ended;
    const post = raw(port, 'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000\r\n\r\nabc');
    expect(await post.status()).toBe(404);
    expect(accepted).toHaveLength(0);
  });

  it('offers no compression', async () => {
    const { port } = await listening();
    const client = raw(port, upgradeRequest({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }));
    expect(await client.status()).toBe(101);
    expect(client.text.toLowerCase()).not.toContain('extensions');
  });

  it('survives a request that is no HTTP, and a head that does not end', async () => {
    const { port } = await listening();
    const noise = raw(port, '\u0000\u0001\u0002\r\n\r\n');
    await noise.ended;
    const long = raw(port, `GET /tablecast HTTP/1.1\r\nX: ${'a'.repeat(100_000)}`);
    await long.ended;
    expect(await raw(port, upgradeRequest()).status()).toBe(101);
  });
});

describe('websocket auth.verify', () => {
  it('binds the connection to the name it gives', async () => {
    const alice = { name: 'alice', nodes: ['alice-*'], read: ['a*'] };
    const verify = async (request: AccessRequest): Promise<Credential | undefined> =>
      request.token === token ? alice : undefined;
    expect(await statusOf({ auth: { verify } }, authorized)).toBe(101);
    expect(accepted[0]?.credential).toBe('alice');
    expect(accepted[0]?.rights).toEqual(alice);
    expect(await statusOf({ auth: { verify } }, {})).toBe(401);
  });

  it('refuses when it throws, rejects or gives an unusable name', async () => {
    const warnings: string[] = [];
    const onWarning = (text: string): void => void warnings.push(text);
    const fail = (): never => {
      throw new Error('directory is down');
    };
    expect(await statusOf({ auth: { verify: fail }, onWarning }, {})).toBe(401);
    expect(await statusOf({ auth: { verify: async () => fail() }, onWarning }, {})).toBe(401);
    for (const name of ['', 'a\u0007b', 7, undefined]) {
      const verify = (): Credential => ({ name, nodes: ['*'] }) as Credential;
      expect(await statusOf({ auth: { verify }, onWarning }, {})).toBe(401);
    }
    for (const rights of [{ nodes: 'all' }, { nodes: ['*'], read: ['a+'] }, { nodes: ['*'], admin: true }]) {
      const verify = (): Credential => ({ name: 'x', ...rights }) as unknown as Credential;
      expect(await statusOf({ auth: { verify }, onWarning }, {})).toBe(401);
    }
    expect(warnings).toHaveLength(9);
  });

  it('has handshakeTimeoutMs to answer', async () => {
    const verify = (): Promise<undefined> => new Promise(() => undefined);
    const { port } = await listening({ auth: { verify }, limits: { handshakeTimeoutMs: 100 } });
    const client = raw(port, upgradeRequest());
    await client.ended;
    expect(client.text).not.toContain('101');
  });
});

describe('websocket limits on strangers', () => {
  it('ends sockets that send nothing or drip a request, after handshakeTimeoutMs', async () => {
    const { port } = await listening({ limits: { handshakeTimeoutMs: 200 } });
    const started = performance.now();
    const silent = raw(port);
    const dripping = raw(port, 'GET /tablecast HTTP/1.1\r\n');
    const drip = setInterval(() => dripping.socket.write('X: y\r\n'), 20);
    await Promise.all([silent.ended, dripping.ended]);
    clearInterval(drip);
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  it('ends the oldest socket beyond maxHandshakes, so that a node that goes on gets through', async () => {
    const { port, address } = await listening({ limits: { maxHandshakes: 3, handshakeTimeoutMs: 5_000 } });
    const silent = [raw(port), raw(port), raw(port)];
    await Promise.all(silent.map((client) => new Promise((resolve) => client.socket.on('connect', resolve))));
    expect(await codeOf(open().dial(address, signal))).toBe('resolved');
    await silent[0]?.ended;
    expect(silent.map((client) => client.isOver)).toEqual([true, false, false]);
    expect(accepted).toHaveLength(1);
    for (const client of silent) client.socket.destroy();
  });

  it('refuses connections beyond maxConnections until one ends', async () => {
    const { address } = await listening({ limits: { maxConnections: 1 } });
    const first = await open().dial(address, signal);
    // One that says nothing would give way.
    const heard = new Promise((resolve) => {
      accepted[0]?.start({ frame: resolve, drain: () => undefined, closed: () => undefined });
    });
    first.start({ frame: () => undefined, drain: () => undefined, closed: () => undefined });
    first.send(Uint8Array.of(1));
    await heard;
    const second = open();
    await expect(second.dial(address, signal)).rejects.toMatchObject({
      code: 'PEER_REFUSED',
      retryable: true,
    });
    first.close('making room');
    while ((await codeOf(second.dial(address, signal))) !== 'resolved');
    expect(accepted).toHaveLength(2);
  });

  it('a connection does not count as a handshake', async () => {
    const { address } = await listening({ limits: { maxHandshakes: 1, handshakeTimeoutMs: 100 } });
    const nears: Observed[] = [];
    for (let i = 0; i < 3; i += 1) nears.push(new Observed(await open().dial(address, signal)).start());
    await new Promise((resolve) => setTimeout(resolve, 200));
    const client = open();
    expect(await codeOf(client.dial(address, signal))).toBe('resolved');
    expect(accepted).toHaveLength(4);
    expect(nears.map((near) => near.closing)).toEqual([undefined, undefined, undefined]);
  });
});
