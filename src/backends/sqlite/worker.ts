import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Reply, ReplyMessage, Request, RequestMessage, StoreOptions } from './messages.ts';
import { fromMessage } from './packed-commits.ts';
import { Rounds } from './rounds.ts';

/*
 * The writing thread of one database file. While a transaction commits, requests gather in the
 * port; the next round takes them all. The first after a pause runs at once; when something is left, the
 * next runs in the check phase, so timers and finished syncs get their turn between two rounds
 * however long the queue is.
 */

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');

let scheduled = false;

function reply(message: Reply): void {
  const sent: ReplyMessage = message.kind === 'committed' ? message.count : message;
  port?.postMessage(sent);
  if (message.kind === 'closed' || message.kind === 'refused') port?.close();
}

const rounds = new Rounds(workerData as StoreOptions, reply);

function round(): void {
  scheduled = false;
  for (let next = receive(); next !== undefined; next = receive()) rounds.push(next);
  if (rounds.run()) schedule();
}

function receive(): Request | undefined {
  const received = port === null ? undefined : receiveMessageOnPort(port);
  return received === undefined ? undefined : requestOf(received.message as RequestMessage);
}

function requestOf(message: RequestMessage): Request {
  return message instanceof Uint8Array || message.kind === 'packed' ? fromMessage(message) : message;
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(round);
}

port.on('message', (message: RequestMessage) => {
  rounds.push(requestOf(message));
  if (!scheduled) round();
});
