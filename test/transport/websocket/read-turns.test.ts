import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { ReadTurns } from '../../../src/transport/websocket/read-turns.ts';
import { TURN_UNITS } from '../../../src/work/turns.ts';

class FakeWebSocket extends EventEmitter {
  isRead = false;

  pause(): void {
    this.isRead = false;
  }

  resume(): void {
    this.isRead = true;
  }
}

/** A socket of which so many bytes have come and were not read. */
class FakeSocket extends EventEmitter {
  readableLength = 0;
}

interface Read {
  readonly ws: FakeWebSocket;
  readonly socket: FakeSocket;
}

/** WebSockets that are read, each of a holder, and what lets a turn of the event loop pass. */
function reading(holders: readonly string[]): { readers: Read[]; turn(this: void): void } {
  const deferred: (() => void)[] = [];
  const turns = new ReadTurns((task) => void deferred.push(task));
  const readers = holders.map((holder) => {
    const [ws, socket] = [new FakeWebSocket(), new FakeSocket()];
    turns.enter(ws as unknown as WebSocket, socket as unknown as Socket, holder).want(true);
    return { ws, socket };
  });
  const turn = (): void => {
    for (const task of deferred.splice(0)) task();
  };
  return { readers, turn };
}

/** Lets frames of a kind come until one of the others is not read any more; how many those were. */
function until(event: 'message' | 'ping' | 'pong', [one, other]: readonly Read[]): number {
  let count = 0;
  for (; other?.ws.isRead === true && count < TURN_UNITS; count++) one?.ws.emit(event);
  return count;
}

it.each(['message', 'ping', 'pong'] as const)('so many frames of kind %s are read in one turn', (event) => {
  const { readers, turn } = reading(['a', 'b']);
  expect(until(event, readers)).toBe(TURN_UNITS / 2);
  expect(readers.map(({ ws }) => ws.isRead)).toEqual([false, false]);
  turn();
  expect(readers.map(({ ws }) => ws.isRead)).toEqual([true, true]);
});

it('bytes of which no frame is told count as well', () => {
  const { readers } = reading(['a', 'b']);
  let bytes = 0;
  for (; readers[1]?.ws.isRead === true; bytes += 65_536)
    readers[0]?.socket.emit('data', new Uint8Array(65_536));
  expect(bytes).toBe(2 * 65_536);
});

it('those of which something waits go on a few in a turn, and each holder as much as another', () => {
  const { readers, turn } = reading([...Array.from({ length: 30 }, () => 'many'), 'one']);
  for (const { socket } of readers) socket.readableLength = 65_536;
  until('pong', readers);
  turn();
  expect(readers.filter(({ ws }) => ws.isRead)).toHaveLength(2);
  expect(readers.at(-1)?.ws.isRead).toBe(true);
  // They have had their share by that, and what more comes of one waits.
  readers.at(-1)?.ws.emit('pong');
  expect(readers.filter(({ ws }) => ws.isRead)).toHaveLength(1);
});

it('one that its owner does not want read is not read when it has its turn', () => {
  const deferred: (() => void)[] = [];
  const turns = new ReadTurns((task) => void deferred.push(task));
  const [ws, socket] = [new FakeWebSocket(), new FakeSocket()];
  const reader = turns.enter(ws as unknown as WebSocket, socket as unknown as Socket, 'a');
  reader.want(true);
  for (let count = 0; count < TURN_UNITS; count++) ws.emit('ping');
  reader.want(false);
  for (const task of deferred.splice(0)) task();
  expect(ws.isRead).toBe(false);
  reader.want(true);
  expect(ws.isRead).toBe(true);
});
