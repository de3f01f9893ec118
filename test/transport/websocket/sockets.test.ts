import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Sockets } from '../../../src/transport/websocket/sockets.ts';

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  destroyed = false;

  constructor(remotePort: number, remoteAddress = '10.0.0.1') {
    super();
    this.remotePort = remotePort;
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

const open = (sockets: Sockets, port: number, address?: string): FakeSocket => {
  const socket = new FakeSocket(port, address);
  sockets.enter(socket as unknown as Socket);
  return socket;
};
/** Over TLS what a credential is shown on is another object than was accepted. */
const settle = (sockets: Sockets, { remotePort, remoteAddress }: FakeSocket): void =>
  sockets.settle(new FakeSocket(remotePort, remoteAddress) as unknown as Socket);

describe('The sockets of a listener', () => {
  test('of too many strangers the oldest gives way, and never one that is settled', () => {
    const sockets = new Sockets(2, 'unsettled');
    const peer = open(sockets, 1);
    settle(sockets, peer);
    const strangers = [2, 3, 4].map((port) => open(sockets, port));
    expect([peer, ...strangers].map(({ destroyed }) => destroyed)).toEqual([false, true, false, false]);
    expect(sockets.size).toBe(3);
  });

  test('settled ones have no part in the bound of strangers, and in that of all', () => {
    const strangers = new Sockets(1, 'unsettled');
    for (let port = 1; port <= 5; port++) settle(strangers, open(strangers, port));
    expect(strangers.size).toBe(5);
    const all = new Sockets(2, 'all');
    const first = open(all, 1);
    settle(all, first);
    const second = open(all, 2);
    const third = open(all, 3);
    expect([first, second, third].map(({ destroyed }) => destroyed)).toEqual([false, true, false]);
  });

  test('of one address make no room for themselves at the cost of another address', () => {
    const sockets = new Sockets(2, 'all');
    const other = open(sockets, 1, '10.0.0.2');
    const own = [1, 2, 3].map((port) => open(sockets, port));
    expect([other, ...own].map(({ destroyed }) => destroyed)).toEqual([false, true, true, false]);
  });

  test('give their place back when they close, also the settled', () => {
    const sockets = new Sockets(2, 'unsettled');
    for (let port = 1; port <= 9; port++) {
      const socket = open(sockets, port);
      if (port % 2 === 0) settle(sockets, socket);
      socket.emit('close');
      socket.emit('close');
    }
    expect(sockets.size).toBe(0);
    const late = [11, 12].map((port) => open(sockets, port));
    expect(late.map(({ destroyed }) => destroyed)).toEqual([false, false]);
  });
});
