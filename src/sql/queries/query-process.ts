import { Worker } from 'node:worker_threads';
import { toFailure, TablecastError, isTablecastError } from '../../errors.ts';
import type { QueryOrder, QueryReply } from './messages.ts';
import { Wanting } from './relations.ts';
import { runQuery } from './run-query.ts';

/*
 * The process that answers queries, one after another. SQLite holds its only thread as long as it pleases, and
 * takes memory that nothing here counts; so its node ends the process when the time is over, and a thread beside
 * it when there is too much memory, or the node is gone.
 */

/** Time between two looks, in milliseconds. */
const LOOK_MS = 10;
const WATCHING = `
  const { workerData: { maxMemory, parent } } = require('node:worker_threads');
  setInterval(() => {
    if (process.memoryUsage.rss() > maxMemory || process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  }, ${LOOK_MS});`;

const [maxMemory] = process.argv.slice(2).map(Number);
new Worker(WATCHING, { eval: true, workerData: { maxMemory, parent: process.ppid } }).unref();

process.on('message', (order: QueryOrder) => {
  process.send?.(replyTo(order));
});
process.on('disconnect', () => process.exit());
process.send?.({ kind: 'ready' } satisfies QueryReply);

function replyTo(order: QueryOrder): QueryReply {
  try {
    return { kind: 'rows', found: runQuery(order) };
  } catch (error) {
    if (error instanceof Wanting) return { kind: 'wants', want: error.want };
    return { kind: 'refused', failure: toFailure(isTablecastError(error) ? error : unanswered(error)) };
  }
}

function unanswered(error: unknown): TablecastError {
  const reason = error instanceof Error ? error.message : String(error);
  return new TablecastError('BACKEND_FAILED', `The query could not be answered: ${reason}`, {
    hint: 'Report this as a defect, with the query; nothing was changed.',
  });
}
