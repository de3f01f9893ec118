import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { webSocketTransport } from '../../src/transport/websocket/websocket.ts';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that counts what is asked of it, and answers with `status` and a Location. */
async function server(status: number, location: () => string): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const http = createServer();
  const answer = (request: { url?: string | undefined; headers: object }): void => {
    asked.push(`${request.url} ${JSON.stringify(request.headers)}`);
  };
  http.on('upgrade', (request, socket) => {
    // Who dialled may hang up before it has read all of the answer.
    socket.on('error', () => undefined);
    answer(request);
    socket.end(`HTTP/1.1 ${status} Moved\r\nLocation: ${location()}\r\nContent-Length: 0\r\n\r\n`);
  });
  http.on('request', (request, response) => {
    answer(request);
    response.end();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closing.push(() => http.close());
  return { url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`, asked };
}

it.each([301, 302, 303, 307, 308])(
  'a redirect (%d) is not followed, and nothing is shown to where it leads',
  async (status) => {
    const inside = await server(200, () => '');
    const evil = await server(status, () => `${inside.url}/tablecast`);
    const transport = webSocketTransport({ auth: { token: 'secret' } });
    closing.push(() => void transport.close());
    const dialled = transport.dial(evil.url, new AbortController().signal);
    await expect(dialled).rejects.toMatchObject({ code: 'PEER_REFUSED' });
    await expect(dialled).rejects.toThrow('redirects are not followed');
    expect(evil.asked).toHaveLength(1);
    expect(inside.asked).toEqual([]);
  },
);

it('an address that a peer tells is not dialled', async () => {
  const inside = await server(200, () => '');
  const target = await NodeUnderAttack.open({ id: 'victim' });
  target.node.table('hosts', { key: 'string' });
  const told = {
    peers: [inside.url],
    address: inside.url,
    addresses: { [inside.url]: 1 },
    redirect: inside.url,
  };
  const peer = target.connect();
  peer.greet(`evil`, told as never);
  peer.say({ type: 'bye', code: 'moved', reason: `Now at ${inside.url}` });
  const other = target.connect();
  other.greet('evil-2', told as never);
  // Whatever it had begun would be under way before this answer.
  other.say({ type: 'ping', time: 1 });
  await vi.waitFor(() => expect(other.messages('pong')).toHaveLength(1), PATIENCE_MS);
  await vi.waitFor(() => expect(peer.closedWith).toBeDefined(), PATIENCE_MS);
  expect(inside.asked).toEqual([]);
  await target.close();
});

it.each([
  'http://127.0.0.1:1',
  'file:///etc/passwd',
  'ws://user:secret@127.0.0.1:1',
  'ws://127.0.0.1:1/?token=secret',
  'javascript:1',
])('the address %s is not dialled, and not repeated with its secrets', async (address) => {
  const transport = webSocketTransport();
  closing.push(() => void transport.close());
  const dialled = transport.dial(address, new AbortController().signal);
  await expect(dialled).rejects.toMatchObject({ code: 'PEER_UNREACHABLE', retryable: false });
  await expect(dialled).rejects.not.toThrow('secret');
});
