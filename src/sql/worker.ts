import { fromFailure } from '../errors.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { type Source, follow } from './follower.ts';
import { type Basis, type Batch, type Order, type ProjectionStart, type Request } from './messages.ts';

/*
 * The thread of one projection: asks its node for what follows in the log, and writes it into the target. Nothing
 * is sent that was not asked for, so that what waits is bounded by what was asked for.
 */

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');

interface Waiting {
  readonly number: number;
  resolve(this: void, answer: Basis | Batch | undefined): void;
  reject(this: void, error: Error): void;
}

let requests = 0;
let waiting: Waiting | undefined;
let isOver = false;
let endPause = (): void => undefined;

function ask(request: (number: number) => Request): Promise<Basis | Batch | undefined> {
  return new Promise((resolve, reject) => {
    if (isOver) return resolve(undefined);
    waiting = { number: ++requests, resolve, reject };
    port?.postMessage(request(requests));
  });
}

const source: Source = {
  begin: async (standings) => {
    const basis = await ask((number) => ({ kind: 'begin', number, standings }));
    return (
      (basis as Basis | undefined) ?? { kind: 'log', after: 0, exactFrom: 0, source: '', checkpoints: [] }
    );
  },
  pull: async (after) => (await ask((number) => ({ kind: 'pull', number, after }))) as Batch | undefined,
  tell: (report) => port?.postMessage(report),
  pause: (milliseconds) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
      if (isOver) endPause();
    }),
  get isOver() {
    return isOver;
  },
};

port.on('message', (order: Order) => {
  if (order.kind === 'stop') {
    isOver = true;
    waiting?.resolve(undefined);
    endPause();
    return;
  }
  if (waiting?.number !== order.to) return;
  const { resolve, reject } = waiting;
  waiting = undefined;
  if (order.kind === 'refused') reject(fromFailure(order.failure));
  else resolve(order.kind === 'basis' ? order.basis : order.batch);
});

await follow(workerData as ProjectionStart, source);
port.close();
