import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { TablecastError } from '../errors.ts';
import type { Order, ProjectionStart, Report, Request } from './messages.ts';

/** The thread of a projection, from outside. */
export interface ProjectionThread {
  send(order: Order, transfer?: readonly ArrayBuffer[]): void;
  /** Says whether it keeps the process alive. */
  hold(isWaitedFor: boolean): void;
  /** Ends it, whatever it does. */
  end(): void;
}

/** The events of a thread. */
export interface ThreadEvents {
  heard(message: Report | Request): void;
  /** The thread is gone; called once. */
  ended(error: Error | undefined): void;
}

/** A file that runs by itself, beside this module, as a source or in `dist/`; named without its ending. */
export function besideProjections(file: string): URL {
  const names = import.meta.url.endsWith('.ts')
    ? [`./${file}.ts`]
    : [`./sql/${file}.js`, `../sql/${file}.js`];
  for (const name of names) {
    const url = new URL(name, import.meta.url);
    if (existsSync(fileURLToPath(url))) return url;
  }
  throw new TablecastError('BACKEND_FAILED', `${file} of projections is not beside ${import.meta.url}`, {
    hint: 'Keep tablecast out of the bundle.',
  });
}

/** Starts a thread that projects. */
export function startProjecting(start: ProjectionStart, events: ThreadEvents): ProjectionThread {
  const worker = new Worker(besideProjections('worker'), { workerData: start });
  let failure: Error | undefined;
  worker.on('message', (message: Report | Request) => events.heard(message));
  worker.on('error', (error: Error) => {
    failure = error;
  });
  worker.on('exit', () => events.ended(failure));
  worker.unref();
  return {
    send: (order, transfer = []) => worker.postMessage(order, transfer),
    hold: (isWaitedFor) => (isWaitedFor ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}
