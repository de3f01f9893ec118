import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { TablecastError } from '../../errors.ts';
import type { Commit } from '../../log/backend.ts';
import { Mailbox, mailboxMemory } from './mailbox.ts';
import type {
  AnsweredRequest,
  CloseRequest,
  Reply,
  ReplyMessage,
  StoreOptions,
  WorkerStart,
} from './messages.ts';
import { hasFacts, packCommits, toMessage } from './packed-commits.ts';
import { Rounds } from './rounds.ts';

/** A posted request is handed over as it is. */
type PostedRequest = AnsweredRequest | CloseRequest;

/** A host runs the writing side, seen from the calling side. */
export interface WriterHost {
  /** Hands over a request; buffers in `transfer` are no longer the caller's. */
  post(request: PostedRequest, transfer?: readonly ArrayBuffer[]): void;
  /** Hands over a copy of commits; `alone` when every request before was answered. */
  commit(commits: readonly Commit[], generation: number, alone: boolean): void;
  /** Returns whether something is outstanding: only then does the host keep the process alive. */
  hold(outstanding: boolean): void;
}

/** The events are what a host tells the calling side. */
export interface WriterEvents {
  reply(reply: Reply): void;
  /** The host is gone; called exactly once, after the last reply. */
  ended(error: Error | undefined): void;
}

/**
 * Makes the writing side in the calling thread: a round runs in a microtask, so what one turn commits is one
 * transaction.
 */
export function inlineHost(options: StoreOptions, events: WriterEvents): WriterHost {
  let scheduled = false;
  const rounds = new Rounds(options, (reply) => {
    queueMicrotask(() => {
      events.reply(reply);
      if (reply.kind === 'closed' || reply.kind === 'refused') events.ended(undefined);
    });
  });
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      if (rounds.run()) schedule();
    });
  };
  return {
    post(request) {
      rounds.push(request);
      schedule();
    },
    commit(commits, generation) {
      rounds.push(packCommits(commits, generation));
      schedule();
    },
    hold() {},
  };
}

/** Returns the worker's file beside this module, as a source or bundled into `dist/` or a folder of it. */
function workerUrl(): URL {
  const isSource = import.meta.url.endsWith('.ts');
  const names = isSource
    ? ['./worker.ts']
    : ['./worker.js', './backends/sqlite/worker.cjs', '../backends/sqlite/worker.cjs'];
  for (const name of names) {
    const url = new URL(name, import.meta.url);
    if (existsSync(fileURLToPath(url))) return url;
  }
  throw new TablecastError(
    'BACKEND_FAILED',
    `the worker file of the sqlite backend is not beside ${import.meta.url}`,
    {
      hint: 'Keep tablecast out of the bundle, or pass inline: true to commit in the calling thread.',
    },
  );
}

/** Makes the writing side in a thread of its own, which keeps the event loop free while the disk works. */
export function workerHost(options: StoreOptions, events: WriterEvents): WriterHost {
  const shared = mailboxMemory();
  const mailbox = new Mailbox(shared);
  const worker = new Worker(workerUrl(), { workerData: { options, shared } satisfies WorkerStart });
  let failure: Error | undefined;
  worker.on('message', (reply: ReplyMessage) =>
    events.reply(typeof reply === 'number' ? { kind: 'committed', count: reply } : reply),
  );
  worker.on('error', (error: Error) => {
    failure = error;
  });
  worker.on('exit', () => events.ended(failure));
  return {
    post(request, transfer = []) {
      worker.postMessage(request, transfer);
      mailbox.ring();
    },
    commit(commits, generation, alone) {
      if (alone && !hasFacts(commits) && mailbox.put(commits, generation)) {
        if (mailbox.ring()) worker.postMessage(null);
        return;
      }
      const { message, buffer } = toMessage(packCommits(commits, generation));
      worker.postMessage(message, [buffer]);
      mailbox.ring();
    },
    hold: (outstanding) => (outstanding ? worker.ref() : worker.unref()),
  };
}
