import { once } from 'node:events';
import { createServer } from 'node:https';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { writeAck } from '../../../src/zeek/protocol/messages.ts';
import { newAuthority } from '../../transport/websocket/certificates.ts';
import { cleanUp, later, Watcher } from './watcher.ts';

afterEach(cleanUp);

describe('TLS', () => {
  const authority = newAuthority();
  const server = authority.issue('zeek');
  const client = authority.issue('tablecast');
  const { ca } = authority;
  afterAll(() => authority.remove());

  async function secureServer(): Promise<string> {
    const secure = createServer({ ca, ...server, requestCert: true, rejectUnauthorized: true });
    const sockets = new WebSocketServer({ server: secure });
    sockets.on('connection', (socket) =>
      socket.once('message', () => socket.send(writeAck('z-websocket-0', '8.2.2'))),
    );
    secure.listen(0, '127.0.0.1');
    await once(secure, 'listening');
    later(async () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      await new Promise((resolve) => secure.close(resolve));
    });
    const address = secure.address();
    return `wss://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  test('with a client certificate is accepted', async () => {
    const watcher = new Watcher({
      url: await secureServer(),
      tls: { ca, ...client },
    });
    await watcher.connected();
  });

  test('cannot be had without a look at the certificate, not even by the environment', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    later(async () => void vi.unstubAllEnvs());
    const watcher = new Watcher({
      url: await secureServer(),
      tls: { ...client, rejectUnauthorized: false } as never,
    });
    await watcher.until(() => watcher.problems.length > 0);
    expect(watcher.problems[0]?.code).toBe('PEER_UNREACHABLE');
    expect(watcher.states.some(({ kind }) => kind === 'connected')).toBe(false);
  });

  test.each([
    ['an unknown authority', client],
    ['no client certificate', { ca }],
    ['a certificate that cannot be read', { ca, cert: 'no certificate', key: 'no key' }],
  ])('with %s is not connected, and the reason is told', async (_, tls) => {
    const watcher = new Watcher({ url: await secureServer(), tls });
    await watcher.until(() => watcher.problems.length > 0);
    expect(watcher.problems[0]?.code).toBe('PEER_UNREACHABLE');
    expect(watcher.states.some(({ kind }) => kind === 'connected')).toBe(false);
  });
});
