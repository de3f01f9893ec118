import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type TableNode, openNode } from '../../src/index.ts';
import { MAX_PIPELINED } from '../../src/transport/websocket/request-turns.ts';

let node: TableNode | undefined;

afterEach(async () => {
  await node?.close();
});

/** How many answers come for a request that is sent so many times at once, until as many are there or the socket ends. */
async function answers(address: string, path: string, times: number): Promise<number> {
  const { port } = new URL(address);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`.repeat(times));
  let text = '';
  const count = (): number => text.split('HTTP/1.1 ').length - 1;
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
    if (count() === times) socket.destroy();
  });
  await closed;
  return count();
}

it('a client without a credential that asks a thousand times at once is cut off, on every listener', async () => {
  node = await openNode({
    id: 'victim',
    listen: { port: 0 },
    http: { port: 0 },
    health: { port: 0 },
    auth: { token: 'secret' },
  });
  const listeners = [
    [node.address, '/'],
    [node.httpAddress, '/v1/tables'],
    [node.httpAddress, '/'],
    [node.healthAddress, '/metrics'],
  ] as const;
  for (const [address = '', path] of listeners) {
    expect(await answers(address, path, 1000)).toBeLessThanOrEqual(MAX_PIPELINED);
    // Who asks a few times gets all answers, unless the listener answers but once.
    if (address !== node.address) expect(await answers(address, path, 10)).toBe(10);
  }
});
