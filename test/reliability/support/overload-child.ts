import { setImmediate, setTimeout } from 'node:timers/promises';
import { openNode } from '../../../src/index.ts';
import { collectedHeap } from './collected-heap.ts';
import { digestOf } from './digest.ts';

/**
 * A node that writes while its peer does not read. Arguments: directory, megabytes to write. Prints
 * `address <url>`; after a line on its input it writes and prints `grown <kept> <peak>` (bytes in use after a
 * collection, and resident memory at its peak, both beyond what they were before) and `rows <digest>`;
 * after another line it closes.
 */
const [directory = '', megabytes = '60'] = process.argv.slice(2);
const node = await openNode({ id: 'writer', directory, durability: 'interval', listen: { port: 0 } });
const table = node.table('rows', { key: 'string', value: 'string', backend: 'sqlite' });
const counted = node.table('counted', { key: 'string', value: 'count', backend: 'memory' });
node.events.subscribe(({ code }) => console.log(`event ${code}`));

const KEYS = 100;
const text = 'x'.repeat(10_000);
async function write(bytes: number): Promise<void> {
  for (let written = 0, count = 0; written < bytes; written += text.length, count++) {
    table.set(`key ${count % KEYS}`, text + String(count));
    counted.set(`key ${count % KEYS}`, count);
    if (count % 20 !== 0) continue;
    await node.flush();
    await setImmediate();
  }
  await node.flush();
}

// What any writer needs once: buffers of its thread, the recent log, compiled code.
await write(40e6);
console.log(`address ${String(node.address)}`);
const input = process.stdin[Symbol.asyncIterator]();
await input.next();

const keptBefore = collectedHeap();
const before = process.memoryUsage().rss;
let most = before;
const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
await write(Number(megabytes) * 1e6);
await setTimeout(100);
clearInterval(watch);
console.log(`grown ${collectedHeap() - keptBefore} ${most - before}`);
console.log(`rows ${digestOf([table, counted])}`);
await input.next();
await node.close();
process.exit(0);
