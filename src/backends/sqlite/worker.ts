import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Inbox } from './inbox.ts';
import { Mailbox } from './mailbox.ts';
import type { Reply, ReplyMessage, RequestMessage, WorkerStart } from './messages.ts';
import { Rounds } from './rounds.ts';

/*
 * The writing thread of one database file. While a transaction commits, requests gather in the
 * port; the next round takes them all. The first after a pause runs at once; when something is left, the
 * next runs in the check phase, so timers and finished syncs get their turn between two rounds
 * however long the queue is.
 *
 * After a round the thread waits for the next request outside its event loop for a while, where nothing
 * else can be due in it: it is woken with less code than a message takes to come through the loop.
 */

/** Bounds how long it waits for one request, and about how long it stays away from its event loop. */
const WAIT_MS = 20;
const AWAY_MS = 100;

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');

let scheduled = false;

function reply(message: Reply): void {
  const sent: ReplyMessage = message.kind === 'committed' ? message.count : message;
  port?.postMessage(sent);
  if (message.kind === 'closed' || message.kind === 'refused') port?.close();
}

const { options, shared } = workerData as WorkerStart;
const mailbox = new Mailbox(shared);
const rounds = new Rounds(options, reply);
const inbox = new Inbox({ mailbox, receive, push: (request) => rounds.push(request) });

function round(): void {
  scheduled = false;
  const begun = performance.now();
  mailbox.wake();
  for (;;) {
    const heard = mailbox.rings;
    inbox.empty();
    if (rounds.run() || performance.now() - begun > AWAY_MS) return schedule();
    if (rounds.idle && mailbox.wait(heard, WAIT_MS)) continue;
    if (mailbox.sleep(heard)) return;
  }
}

function receive(): RequestMessage | undefined {
  const received = port === null ? undefined : receiveMessageOnPort(port);
  return received?.message as RequestMessage | undefined;
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(round);
}

port.on('message', (message: RequestMessage) => {
  inbox.accept(message);
  if (!scheduled) round();
});
