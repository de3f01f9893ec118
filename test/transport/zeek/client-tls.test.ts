import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { writeAck } from '../../../src/transport/zeek/messages.ts';
import { cleanUp, later, Watcher } from './watcher.ts';

afterEach(cleanUp);

describe('TLS', () => {
  const pem = (name: string): Buffer => readFileSync(new URL(`./fixtures/tls/${name}.pem`, import.meta.url));

  async function secureServer(): Promise<string> {
    const server = createServer({
      ca: pem('ca'),
      cert: pem('server'),
      key: pem('server-key'),
      requestCert: true,
      rejectUnauthorized: true,
    });
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) =>
      socket.once('message', () => socket.send(writeAck('z-websocket-0', '8.2.2'))),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    later(async () => {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      await new Promise((resolve) => server.close(resolve));
    });
    const address = server.address();
    return `wss://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  test('with a client certificate is accepted', async () => {
    const watcher = new Watcher({
      url: await secureServer(),
      tls: { ca: pem('ca'), cert: pem('client'), key: pem('client-key') },
    });
    await watcher.connected();
  });

  test.each([
    ['an unknown authority', { cert: pem('client'), key: pem('client-key') }],
    ['no client certificate', { ca: pem('ca') }],
    ['a certificate that cannot be read', { ca: pem('ca'), cert: 'no certificate', key: 'no key' }],
  ])('with %s is not connected, and the reason is told', async (_, tls) => {
    const watcher = new Watcher({ url: await secureServer(), tls });
    await watcher.until(() => watcher.problems.length > 0);
    expect(watcher.problems[0]?.code).toBe('PEER_UNREACHABLE');
    expect(watcher.states.some(({ kind }) => kind === 'connected')).toBe(false);
  });
});
