import { afterAll } from 'vitest';
import { webSocketClient } from '../../../src/transport/websocket/client.ts';
import { webSocketTransport } from '../../../src/transport/websocket/websocket.ts';
import { transportContract } from '../../contracts/transport.contract.ts';
import { newAuthority } from './certificates.ts';
import { PageWebSocket } from './page-web-socket.ts';
import { freePort } from '../../support/free-port.ts';

const authority = newAuthority();
const tls = { ...authority.issue('node-a'), ca: authority.ca };
const token = 'contract-token';

afterAll(() => authority.remove());

transportContract('websocket', {
  transport: (limits) => webSocketTransport({ listen: { port: 0 }, auth: { token }, limits }),
  nobody: async () => `ws://127.0.0.1:${await freePort()}/tablecast`,
});

transportContract('websocket over TLS, certificates on both sides', {
  transport: (limits) =>
    webSocketTransport({
      listen: { port: 0, tls: { ...tls, requireClientCertificate: true } },
      dial: { tls },
      limits,
    }),
  nobody: async () => `wss://127.0.0.1:${await freePort()}/tablecast`,
});

// A page cannot listen, so each of its transports comes with a node's to listen in its place.
transportContract('websocket from a page', {
  transport: (limits) => {
    const page = webSocketClient({ WebSocket: PageWebSocket, token, limits });
    const node = webSocketTransport({ listen: { port: 0 }, auth: { token }, limits });
    return {
      name: page.name,
      maxFrameBytes: page.maxFrameBytes,
      listen: (accept) => node.listen(accept),
      dial: (address, signal) => page.dial(address, signal),
      close: async () => {
        await Promise.all([page.close(), node.close()]);
      },
    };
  },
  nobody: async () => `ws://127.0.0.1:${await freePort()}/tablecast`,
});
