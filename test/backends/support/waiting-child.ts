import { Worker } from 'node:worker_threads';
import { sqliteBackend } from '../../../src/backends/sqlite/sqlite-backend.ts';
import { segmentAt } from './segments.ts';

/**
 * Commits, so that the writing thread waits for more, and ends in one of several ways. Arguments: file; `exit`, `end`,
 * `close` or `terminate`.
 */
const [file = '', how = ''] = process.argv.slice(2);

const threads = new Set<Worker>();
const post: unknown = Reflect.get(Worker.prototype, 'postMessage');
Worker.prototype.postMessage = function noting(this: Worker, ...given: unknown[]): void {
  threads.add(this);
  Reflect.apply(post as (...all: unknown[]) => void, this, given);
};

const backend = sqliteBackend({ file, durability: 'commit', owner: 'child' });
await backend.open();
for (let position = 1; position <= 3; position++) await backend.commit({ segments: [segmentAt(position)] });
process.stdout.write('committed\n');
if (how === 'exit') process.exit(0);
if (how === 'close') await backend.close();
if (how === 'terminate') for (const thread of threads) await thread.terminate();
