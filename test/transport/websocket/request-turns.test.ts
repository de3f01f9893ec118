import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { expect, it } from 'vitest';
import { MAX_PIPELINED, answerInTurns } from '../../../src/transport/websocket/request-turns.ts';

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  destroyed = false;
  isHeld = false;

  constructor(address: string) {
    super();
    this.remoteAddress = address;
  }

  isPaused(): boolean {
    return this.isHeld;
  }

  pause(): void {
    this.isHeld = true;
  }

  resume(): void {
    this.isHeld = false;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

interface Listener {
  /** What was begun, by the names given to {@link Listener.ask}. */
  readonly begun: string[];
  /** Answers what was begun under a name. */
  answered(this: void, name: string): void;
  socket(this: void, address: string): FakeSocket;
  ask(this: void, socket: FakeSocket, name: string): void;
  /** Lets a turn of the event loop pass. */
  turn(this: void): void;
}

function listener(): Listener {
  const server = new EventEmitter();
  const deferred: (() => void)[] = [];
  const begun: string[] = [];
  const responses = new Map<string, EventEmitter>();
  const answer = ({ url = '' }: { url?: string | undefined }): void => void begun.push(url);
  answerInTurns(server as Server, answer, (task) => void deferred.push(task));
  return {
    begun,
    answered: (name) => void responses.get(name)?.emit('close'),
    socket: (address) => {
      const socket = new FakeSocket(address);
      server.emit('connection', socket);
      return socket;
    },
    ask: (socket, url) => {
      const response = new EventEmitter();
      responses.set(url, response);
      server.emit('request', { socket, url }, response);
    },
    turn: () => {
      for (const task of deferred.splice(0)) task();
    },
  };
}

it('one request of a socket is answered after the other, whatever it asks at once', () => {
  const { begun, answered, socket, ask } = listener();
  const one = socket('10.0.0.1');
  for (const name of ['a', 'b', 'c']) ask(one, name);
  expect(begun).toEqual(['a']);
  answered('a');
  expect(begun).toEqual(['a', 'b']);
  ask(socket('10.0.0.1'), 'of another');
  expect(begun).toEqual(['a', 'b', 'of another']);
  answered('b');
  expect(begun.at(-1)).toBe('c');
});

it('one that asks more at once than may wait is ended, and the others are read in the next turn', () => {
  const { begun, socket, ask, turn } = listener();
  const [greedy, other] = [socket('10.0.0.1'), socket('10.0.0.2')];
  for (let count = 0; count <= MAX_PIPELINED; count++) ask(greedy, `asked ${count}`);
  expect([greedy.destroyed, other.isHeld]).toEqual([false, false]);
  ask(greedy, 'one too many');
  expect([greedy.destroyed, other.isHeld]).toEqual([true, true]);
  ask(greedy, 'and more');
  expect(begun).toEqual(['asked 0']);
  turn();
  expect(other.isHeld).toBe(false);
});

it('what is asked beyond the room of a turn waits for the next one, of each address the same', () => {
  const { begun, socket, ask, turn } = listener();
  for (let count = 0; count < 60; count++) ask(socket('10.0.0.1'), `many ${count}`);
  const inOne = begun.length;
  expect(inOne).toBeLessThan(20);
  ask(socket('10.0.0.2'), 'few');
  expect(begun).not.toContain('few');
  turn();
  expect(begun.indexOf('few')).toBeLessThanOrEqual(inOne + 1);
  for (let turns = 0; turns < 10; turns++) turn();
  expect(begun).toHaveLength(61);
});
