import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Reply, Request, StoreOptions } from './messages.ts';
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
  port?.postMessage(message);
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
  return received === undefined ? undefined : (received.message as Request);
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(round);
}

port.on('message', (request: Request) => {
  rounds.push(request);
  if (!scheduled) round();
});
