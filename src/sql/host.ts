import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
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

/** The thread's file beside this module, as a source or in `dist/`. */
function threadUrl(): URL {
  const names = import.meta.url.endsWith('.ts') ? ['./worker.ts'] : ['./sql/worker.js', '../sql/worker.js'];
  for (const name of names) {
    const url = new URL(name, import.meta.url);
    if (existsSync(fileURLToPath(url))) return url;
  }
  throw new TablecastError('BACKEND_FAILED', `the thread of projections is not beside ${import.meta.url}`, {
    hint: 'Keep tablecast out of the bundle.',
  });
}

function startThread(start: ProjectionStart): Worker {
  const url = threadUrl();
  const stripsTypes = Boolean(Reflect.get(process.features, 'typescript'));
  if (!url.pathname.endsWith('.ts') || stripsTypes) return new Worker(url, { workerData: start });
  // From TypeScript sources where Node.js does not read them itself: only in this repository.
  const loaderPackage = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const loader = new URL('./dist/esm/api/index.mjs', loaderPackage).href;
  const text = `import(${JSON.stringify(loader)}).then((tsx) => tsx.tsImport(${JSON.stringify(url.href)}, ${JSON.stringify(url.href)}))`;
  return new Worker(text, { eval: true, workerData: start });
}

/** Starts a thread that projects. */
export function startProjecting(start: ProjectionStart, events: ThreadEvents): ProjectionThread {
  const worker = startThread(start);
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
