import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { openNode } from '../../../src/index.ts';
import { collectedHeap } from './collected-heap.ts';

/**
 * Two nodes whose tables keep a thousand rows while their keys come and go, by deletion and by expiry.
 * Arguments: scratch directory, rounds, keys per round. Prints `heap <bytes> <rows>` after each round.
 */
const [scratch = '', rounds = '10', perRound = '40000'] = process.argv.slice(2);
const limits = { maxMemoryLogBytes: 1 << 20 };
const writer = await openNode({ id: 'writer', listen: { port: 0 }, limits });
const directory = join(mkdtempSync(join(scratch, 'soak-')), 'reader');
const reader = await openNode({
  id: 'reader',
  directory,
  durability: 'interval',
  peers: [writer.address as string],
  limits,
});

const churned = { key: 'string', value: 'count', backend: 'memory' } as const;
const expiring = { key: 'string', backend: 'memory', createExpire: 200 } as const;
const tables = [writer, reader].map((node) => ({
  rows: node.table('rows', churned),
  seen: node.table('seen', expiring),
}));
const [here, there] = tables as [(typeof tables)[0], (typeof tables)[0]];

const KEPT = 1000;
let last = 0;
for (let round = 0; round < Number(rounds); round++) {
  for (let count = 0; count < Number(perRound); count++) {
    last++;
    here.rows.set(`row number ${last}`, last);
    if (last > KEPT) here.rows.delete(`row number ${last - KEPT}`);
    if (last % 10 === 0) here.seen.add(`seen number ${last}`);
    if (last % 500 === 0) await setImmediate();
  }
  // Expiry, housekeeping and the peer get their turn.
  for (
    let waits = 0;
    waits < 100 && (there.rows.get(`row number ${last}`) !== last || there.seen.size > 0);
    waits++
  ) {
    await setTimeout(50);
  }
  await setTimeout(1100);
  console.log(
    `heap ${collectedHeap()} ${here.rows.size} ${there.rows.size} ${here.seen.size} ${there.seen.size}`,
  );
}
await reader.close();
await writer.close();
