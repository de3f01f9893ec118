// A process of a comparison: one mode on virtual time, or one node of a real cluster.
import { isTablecastError } from '../errors.ts';
import type { Reply, Request } from './messages.ts';
import { RealNode } from './real-node.ts';
import { simulateMode } from './simulate-mode.ts';

let node: RealNode | undefined;

async function answer(request: Request): Promise<Reply> {
  switch (request.type) {
    case 'simulate':
      return { type: 'simulated', result: await simulateMode(request.mode, request.workload) };
    case 'open':
      node = await RealNode.open(request);
      return { type: 'opened', address: node.address };
    case 'finish':
      return { type: 'finished', ...(await opened().finish()) };
    case 'cut':
      opened().cut();
      break;
    case 'heal':
      opened().heal();
      break;
    case 'write':
      await opened().write(request.from, request.to);
      break;
    case 'race':
      await opened().race();
      break;
    case 'hold':
      await opened().hold(request.wanted);
      break;
  }
  return { type: 'done' };
}

function opened(): RealNode {
  if (node === undefined) throw new Error('no node is open');
  return node;
}

function failure(error: unknown): Reply {
  const known = isTablecastError(error);
  return {
    type: 'failed',
    code: known ? error.code : 'INTERNAL',
    message: known ? error.message : String(error instanceof Error ? error.stack : error),
    hint: known ? error.hint : 'Report it with the seed.',
  };
}

// Answers go in the order of the requests, each when the one before is done.
let last: Promise<unknown> = Promise.resolve();
process.on('message', (request: Request) => {
  last = last.then(async () => process.send?.(await answer(request).catch(failure)));
});
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches every process of a terminal; the one that asked decides.
process.on('SIGINT', () => undefined);
