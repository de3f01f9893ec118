import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { firstValueFrom, toArray } from 'rxjs';
import { sqliteBackend } from '../../../src/backends/sqlite/sqlite-backend.ts';
import { openNode, openNodeOf } from '../../../src/node/open-node.ts';

/**
 * A node that writes without end, to be killed. Arguments: directory, address of its peer, durability,
 * `sound`, `finish` (writes nothing more, and closes at the end of its input) or a planted fault:
 * `acks-early` says so before the flush, `tells-early` tells its peer before the commit.
 * Prints `state <json>` once it is open and `ack <number>` for each flushed value.
 */
const COMMIT_LATE_MS = 5;
const [directory = '', peer = '', durability = 'commit', behaviour = 'sound'] = process.argv.slice(2);

const level = durability === 'interval' ? 'interval' : 'commit';
const backend = sqliteBackend({
  file: join(directory, 'writer.tablecast.db'),
  durability: level,
  owner: 'writer',
});
const isPlanted = behaviour === 'tells-early' || behaviour === 'acks-early';
if (isPlanted) {
  // However slow or quick the disk is, most kills fall between the early word and the commit.
  const commit = backend.commit.bind(backend);
  backend.commit = (given) => setTimeout(COMMIT_LATE_MS).then(() => commit(given));
}
// A store passes on what is not durable at once.
if (behaviour === 'tells-early') Object.defineProperty(backend, 'durable', { value: false });

const options = { id: 'writer', directory, durability: level, peers: [peer] } as const;
const node = await (isPlanted ? openNodeOf(options, { durableBackend: backend }) : openNode(options));
const table = node.table('numbers', { key: 'string', value: 'count', backend: 'sqlite' });
const operations = await firstValueFrom(node.log.operations({ until: node.log.position }).pipe(toArray()));
const log = operations.map(({ origin, sequence, key, value }) => [
  origin,
  sequence,
  `${String(key)}=${String(value)}`,
]);
let last = Math.max(0, ...operations.map(({ value }) => Number(value)));
process.stdout.write(`state ${JSON.stringify({ log, rows: [...table], last })}\n`);

if (behaviour === 'finish') {
  process.stdin.resume();
  await once(process.stdin, 'end');
} else {
  for (;;) {
    for (let count = 1 + (last % 13); count > 0; count--) {
      last++;
      if (last % 10 === 0) node.batch(() => table.set(`a${last % 300}`, last).set(`b${last % 300}`, last));
      else table.set(`k${last % 300}`, last);
    }
    const value = last;
    if (behaviour === 'acks-early') process.stdout.write(`ack ${value}\n`);
    await node.flush();
    if (behaviour !== 'acks-early') process.stdout.write(`ack ${value}\n`);
    // Lets the node talk to its peer as well.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
await node.close();
