import { type Server, createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { isTablecastError, type TablecastError } from '../../../src/errors.ts';
import type { Connection, Transport } from '../../../src/transport/transport.ts';
import { webSocketClient } from '../../../src/transport/websocket/client.ts';
import type { WebSocketOptions } from '../../../src/transport/websocket/options.ts';
import { webSocketTransport } from '../../../src/transport/websocket/websocket.ts';
import { Observed, codeOf } from '../observed.ts';
import { newAuthority } from './certificates.ts';
import { PageWebSocket } from './page-web-socket.ts';
import { RawClient } from './raw-client.ts';

const signal = new AbortController().signal;
const opened: Transport[] = [];
const servers: (Server | NetServer)[] = [];
const authority = newAuthority();
const stranger = newAuthority();

afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => {
  authority.remove();
  stranger.remove();
});

function open(options: WebSocketOptions = {}): Transport {
  const transport = webSocketTransport(options);
  opened.push(transport);
  return transport;
}

async function portOf(server: Server | NetServer): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function errorOf(promise: Promise<unknown>): Promise<TablecastError> {
  const outcome: unknown = await promise.then(
    () => 'resolved',
    (error: unknown) => error,
  );
  if (isTablecastError(outcome)) return outcome;
  throw new Error(`expected a TablecastError, got ${String(outcome)}`);
}

describe('websocket dial errors', () => {
  it.each([
    'http://127.0.0.1:1/',
    'not a url',
    'ws://',
    'ws://user:secret@127.0.0.1:1',
    'ws://127.0.0.1:1/?token=secret',
    `ws://${'a'.repeat(3_000)}`,
  ])('an address that is none, %#, is unreachable for good and not repeated', async (address) => {
    const error = await errorOf(open().dial(address, signal));
    expect(error).toMatchObject({ code: 'PEER_UNREACHABLE', retryable: false });
    expect(`${error.message} ${error.hint}`).not.toContain('secret');
  });

  it.each([
    [401, 'auth.token', false],
    [403, 'origins', false],
    [404, '/tablecast', false],
    [426, 'tablecast.1', false],
    [503, 'maxConnections', true],
    [302, 'proxy', false],
    [200, 'proxy', false],
  ])('status %d is a refusal whose hint names %s', async (status, hint, retryable) => {
    let requests = 0;
    const server = createHttpServer().on('upgrade', (_request, socket) => {
      requests += 1;
      socket.on('error', () => undefined);
      socket.end(`HTTP/1.1 ${status} X\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n`);
    });
    const error = await errorOf(open().dial(`ws://127.0.0.1:${await portOf(server)}`, signal));
    expect(error).toMatchObject({ code: 'PEER_REFUSED', retryable });
    expect(error.hint).toContain(hint);
    expect(requests).toBe(1);
  });

  it('a server of another subprotocol, or of none, is a refusal', async () => {
    for (const handleProtocols of [(): string => 'other', (): false => false]) {
      const http = createHttpServer();
      const other = new WebSocketServer({ server: http, handleProtocols });
      const error = await errorOf(open().dial(`ws://127.0.0.1:${await portOf(http)}`, signal));
      expect(error.code).toBe('PEER_REFUSED');
      other.close();
    }
  });

  it('a refused port, an unknown name and a silent server each say what it was', async () => {
    const port = await portOf(createServer());
    servers.pop()?.close();
    const refused = await errorOf(open().dial(`ws://127.0.0.1:${port}`, signal));
    expect(refused.message).toContain('nothing listens there');
    const unknown = await errorOf(open().dial('ws://no-such-host.invalid', signal));
    expect(unknown).toMatchObject({ code: 'PEER_UNREACHABLE', retryable: true });
    const silent = await portOf(createServer((socket) => socket.on('error', () => undefined)));
    const impatient = open({ limits: { handshakeTimeoutMs: 100 } });
    const late = await errorOf(impatient.dial(`ws://127.0.0.1:${silent}`, signal));
    expect(late.message).toContain('no answer within 100 ms');
  });

  it('a server that answers nonsense or hangs up is unreachable', async () => {
    const nonsense = await portOf(
      createServer((socket) => socket.on('error', () => undefined).end('nonsense\r\n\r\n')),
    );
    expect(await codeOf(open().dial(`ws://127.0.0.1:${nonsense}`, signal))).toBe('PEER_UNREACHABLE');
    const gone = await portOf(
      createServer((socket) => socket.on('error', () => undefined).resetAndDestroy()),
    );
    expect(await codeOf(open().dial(`ws://127.0.0.1:${gone}`, signal))).toBe('PEER_UNREACHABLE');
  });

  it('closing the transport ends a dial under way', async () => {
    const silent = await portOf(createServer((socket) => socket.on('error', () => undefined)));
    const transport = open();
    const dialling = codeOf(transport.dial(`ws://127.0.0.1:${silent}`, signal));
    await transport.close();
    expect(await dialling).toBe('PEER_UNREACHABLE');
  });

  it('an address without a path gets the default one', async () => {
    const address = await open({ listen: { port: 0 } }).listen(() => undefined);
    expect(await codeOf(open().dial(address.replace('/tablecast', ''), signal))).toBe('resolved');
  });
});

describe('websocket over TLS', () => {
  const server = authority.issue('server-node');
  const client = authority.issue('client-node');
  const listenTls = { ...server, ca: authority.ca };

  async function listening(options: WebSocketOptions): Promise<{ address: string; accepted: Connection[] }> {
    const accepted: Connection[] = [];
    const address = await open(options).listen((connection) => accepted.push(connection));
    return { address, accepted };
  }

  it('binds both sides to the names in their certificates', async () => {
    const { address, accepted } = await listening({
      listen: { port: 0, tls: { ...listenTls, requireClientCertificate: true } },
    });
    const near = await open({ dial: { tls: { ...client, ca: authority.ca } } }).dial(address, signal);
    expect(near.credential).toBe('server-node');
    expect(accepted[0]?.credential).toBe('client-node');
  });

  it('refuses a node without a certificate, or with one of another authority', async () => {
    const { address, accepted } = await listening({
      listen: { port: 0, tls: { ...listenTls, requireClientCertificate: true } },
    });
    const bare = open({ dial: { tls: { ca: authority.ca } } });
    expect(await codeOf(bare.dial(address, signal))).toBe('PEER_REFUSED');
    const foreign = open({ dial: { tls: { ...stranger.issue('client-node'), ca: authority.ca } } });
    expect((await errorOf(foreign.dial(address, signal))).hint).toContain('trusts our certificate');
    expect(accepted).toHaveLength(0);
  });

  it('refuses a certificate whose name could not be shown to people', async () => {
    const tls = { ...listenTls, requireClientCertificate: true };
    const { address, accepted } = await listening({ listen: { port: 0, tls } });
    const noisy = open({ dial: { tls: { ...authority.issue('a\u0007b'), ca: authority.ca } } });
    expect(await codeOf(noisy.dial(address, signal))).toBe('PEER_REFUSED');
    expect(accepted).toHaveLength(0);
  });

  it('wants the token beside the certificate where both are set', async () => {
    const auth = { token: 'both' };
    const { address } = await listening({
      listen: { port: 0, tls: { ...listenTls, requireClientCertificate: true } },
      auth,
    });
    const tls = { ...client, ca: authority.ca };
    expect(await codeOf(open({ dial: { tls } }).dial(address, signal))).toBe('PEER_REFUSED');
    expect(await codeOf(open({ dial: { tls }, auth }).dial(address, signal))).toBe('resolved');
  });

  it('does not dial a node whose certificate it cannot check', async () => {
    const { address } = await listening({ listen: { port: 0, tls: listenTls } });
    const error = await errorOf(open().dial(address, signal));
    expect(error.code).toBe('PEER_UNREACHABLE');
    expect(error.hint).toContain('dial.tls.ca');
  });

  it('cannot be made to pass over a certificate, not even by the environment', async () => {
    const { address } = await listening({ listen: { port: 0, tls: listenTls } });
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const off = { rejectUnauthorized: false } as never;
    for (const options of [{}, { dial: { tls: off } }, { dial: off }])
      expect(await codeOf(open(options).dial(address, signal))).toBe('PEER_UNREACHABLE');
    vi.unstubAllEnvs();
  });

  it('says so when one side speaks TLS and the other does not', async () => {
    const plain = await listening({ listen: { port: 0 } });
    const secure = await listening({ listen: { port: 0, tls: listenTls } });
    const error = await errorOf(open().dial(plain.address.replace('ws:', 'wss:'), signal));
    expect(error.message).toContain('no TLS is spoken there');
    expect(await codeOf(open().dial(secure.address.replace('wss:', 'ws:'), signal))).toBe('PEER_UNREACHABLE');
  });

  it('speaks nothing older than TLS 1.2', async () => {
    const { address } = await listening({ listen: { port: 0, tls: listenTls } });
    const options = {
      ca: authority.ca,
      ciphers: 'ALL@SECLEVEL=0',
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
    } as const;
    const socket = tlsConnect(Number(new URL(address).port), '127.0.0.1', options);
    const outcome = await new Promise((resolve) => {
      socket.on('secureConnect', () => resolve('connected'));
      socket.on('error', () => resolve('refused'));
    });
    socket.destroy();
    expect(outcome).toBe('refused');
  });

  it('ends a TLS handshake that does not get on', async () => {
    const { address } = await listening({
      listen: { port: 0, tls: listenTls },
      limits: { handshakeTimeoutMs: 100 },
    });
    const silent = new RawClient(Number(new URL(address).port));
    await silent.ended;
    expect(silent.isOver).toBe(true);
  });
});

describe('websocket options', () => {
  const invalid = expect.objectContaining({
    code: 'OPTION_INVALID',
    hint: expect.stringMatching(/\S/) as string,
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.org', '127.0.0.1.example.org'])(
    'refuses to listen on %s without authentication',
    (host) => {
      const tls = authority.issue('server-node');
      expect(() => open({ listen: { port: 0, host } })).toThrow(invalid);
      expect(() => open({ listen: { port: 0, host, tls } })).toThrow(invalid);
      expect(() => open({ listen: { port: 0, host }, auth: { token: 'secret' } })).not.toThrow();
      expect(() => open({ listen: { port: 0, host }, auth: { verify: () => undefined } })).not.toThrow();
    },
  );

  it('refuses client certificates that anybody could have', () => {
    const tls = { ...authority.issue('server-node'), requireClientCertificate: true };
    expect(() => open({ listen: { port: 0, host: '0.0.0.0', tls } })).toThrow(invalid);
  });

  it('refuses a token that no header can carry, without repeating it', () => {
    for (const token of ['', 'with space', 'line\r\nX: y', 'ü', 'x'.repeat(1_025)]) {
      expect(() => open({ auth: { token } })).toThrow(invalid);
      expect(() => open({ auth: { token } })).not.toThrow(/line|with space/);
    }
  });

  it('warns, once, when a token or frames would be readable by the network', async () => {
    const warnings: string[] = [];
    const onWarning = (text: string): void => void warnings.push(text);
    const auth = { token: 'very-secret' };
    const transport = open({
      auth,
      onWarning,
      listen: { port: 0, host: '0.0.0.0' },
      limits: { handshakeTimeoutMs: 50 },
    });
    for (let i = 0; i < 2; i += 1) await codeOf(transport.dial('ws://no-such-host.invalid', signal));
    await codeOf(transport.dial('ws://127.0.0.1:1', signal));
    expect(warnings).toHaveLength(1);
    await transport.listen(() => undefined);
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).not.toContain('very-secret');
  });

  it('a listen that fails says why, and may be tried again', async () => {
    const blocker = createServer();
    const port = await portOf(blocker);
    const transport = open({ listen: { port } });
    const error = await errorOf(transport.listen(() => undefined));
    expect(error).toMatchObject({ code: 'LISTEN_FAILED', retryable: true });
    expect(error.message).toContain(`127.0.0.1:${port}`);
    await new Promise((resolve) => blocker.close(resolve));
    expect(await codeOf(transport.listen(() => undefined))).toBe('resolved');
    expect(() => open({ listen: { port: 0, tls: { cert: 'no pem', key: 'no pem' } } })).toThrow(
      'Option listen.tls.cert holds no whole certificate',
    );
    expect(await codeOf(open().listen(() => undefined))).toBe('LISTEN_FAILED');
  });
});

describe('websocket client for pages', () => {
  it('refuses a server that sends text, and one that sends too much before start', async () => {
    const http = createHttpServer();
    const other = new WebSocketServer({ server: http });
    const address = `ws://127.0.0.1:${await portOf(http)}`;
    const client = webSocketClient({
      WebSocket: PageWebSocket,
      limits: { maxFrameBytes: 1_000, highWaterBytes: 2_000, lowWaterBytes: 1_000 },
    });
    opened.push(client);
    other.once('connection', (socket) => socket.send('text'));
    const texted = new Observed(await client.dial(address, signal)).start();
    expect(await texted.closed()).toEqual({ kind: 'refused', reason: 'text frame' });
    const flooded = new Promise<number>((resolve) => {
      other.once('connection', (socket) => {
        for (let i = 0; i < 100; i += 1) socket.send(new Uint8Array(500));
        socket.once('close', resolve);
      });
    });
    const held = new Observed(await client.dial(address, signal));
    expect(await flooded).toBe(4_008);
    expect((await held.start().closed()).kind).toBe('refused');
    expect(held.frames).toHaveLength(0);
    other.close();
  });
});
