import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fromFailure, TablecastError } from '../../errors.ts';
import { besideProjections } from '../host.ts';
import type { FoundRows, QueryOrder, QueryReply, Want } from './messages.ts';

/** The resident memory of the process, beyond which it is ended. */
const MAX_QUERY_MEMORY = 512 * 1024 * 1024;

/** The time that the process may take to start, on a machine that has much else to do. */
const START_MS = 60_000;

/** The process that answers queries; started when one is asked, and again after one that was cut off. */
export class QueryProcess {
  readonly #directory: string;
  #child: ChildProcess | undefined;

  /** Temporary files of queries lie in a directory. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Asks one query, while no other is asked; of `maxMs` it has the `rest`. Gives what it wants where that has to be brought first. Rejects with `OPTION_INVALID`, and `LIMIT_EXCEEDED` for what takes too long or too much. */
  async ask(
    order: QueryOrder,
    { maxMs, rest }: { readonly maxMs: number; readonly rest: number },
  ): Promise<FoundRows | { readonly want: Want }> {
    const child = this.#child ?? (await this.#start());
    hold(child, true);
    child.send(order);
    const reply = await nextReply(child, rest);
    hold(child, false);
    if (reply === 'late') throw tooLong(maxMs);
    if (reply === 'gone') throw tooMuch();
    if (reply.kind === 'refused') throw fromFailure(reply.failure);
    if (reply.kind === 'wants') return { want: reply.want };
    if (reply.kind === 'rows') return reply.found;
    throw notStarted();
  }

  async #start(): Promise<ChildProcess> {
    const url = besideProjections('queries/query-process');
    const child = fork(fileURLToPath(url), [String(MAX_QUERY_MEMORY)], {
      serialization: 'advanced',
      execArgv: [],
      env: { ...process.env, SQLITE_TMPDIR: this.#directory },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    const reply = await nextReply(child, START_MS);
    if (typeof reply === 'string') throw notStarted();
    return child;
  }

  /** Ends it, whatever it does. Idempotent. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // Who waits for this has nothing else that keeps its process alive, perhaps.
    hold(child, true);
    child.kill('SIGKILL');
    await ended;
  }
}

/** Waits for what the process says next; one that says nothing in time is ended. */
function nextReply(child: ChildProcess, maxMs: number): Promise<QueryReply | 'late' | 'gone'> {
  return new Promise((resolve) => {
    let ending: 'late' | 'gone' = 'gone';
    const timer = setTimeout(() => {
      ending = 'late';
      child.kill('SIGKILL');
    }, maxMs);
    const settle = (reply: QueryReply | 'late' | 'gone'): void => {
      clearTimeout(timer);
      child.off('exit', gone).off('error', gone).off('message', heard);
      resolve(reply);
    };
    const gone = (): void => settle(ending);
    const heard = (reply: QueryReply): void => settle(reply);
    child.on('exit', gone).on('error', gone).on('message', heard);
  });
}

/** Says whether the process keeps this one alive. */
function hold(child: ChildProcess, isWaitedFor: boolean): void {
  for (const part of [child, child.channel]) {
    if (isWaitedFor) part?.ref();
    else part?.unref();
  }
}

function tooLong(maxMs: number): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `The query took longer than ${maxMs} ms, and was ended.`, {
    hint: 'Ask for less, compare keys as they are so that their index is used, or raise maxMs.',
    details: { limit: maxMs, name: 'maxMs' },
  });
}

function tooMuch(): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', 'The query took too much memory, and was ended.', {
    hint: `Ask for less at a time: the process that answers has ${MAX_QUERY_MEMORY} bytes.`,
    details: { limit: MAX_QUERY_MEMORY, name: 'MAX_QUERY_MEMORY' },
  });
}

function notStarted(): TablecastError {
  return new TablecastError('BACKEND_FAILED', 'The process that answers queries did not start.', {
    hint: 'What it printed says why; the node goes on without it. Ask again.',
    retryable: true,
  });
}
