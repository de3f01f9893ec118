import { openNode } from '../../../src/index.ts';
import { digestOf } from './digest.ts';

/** A peer to be paused: dials its argument, and prints `rows <digest>` a moment after they changed. */
const [address = ''] = process.argv.slice(2);
// A node that has lost its peer does not keep its process alive by itself.
process.stdin.resume();
const node = await openNode({ id: 'reader', peers: [address] });
const rows = node.table('rows', { key: 'string', value: 'string', backend: 'memory' });
const counted = node.table('counted', { key: 'string', value: 'count', backend: 'memory' });
let due = false;
function changed(): void {
  if (due) return;
  due = true;
  setTimeout(() => {
    due = false;
    console.log(`rows ${digestOf([rows, counted])}`);
  }, 50);
}
rows.changes.subscribe(changed);
counted.changes.subscribe(changed);
