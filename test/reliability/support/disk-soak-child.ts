import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { openNodeOf } from '../../../src/node/open-node.ts';
import { systemEnvironment } from '../../../src/system-environment.ts';
import { collectedHeap } from './collected-heap.ts';

/**
 * A node that overwrites a thousand rows for ever and keeps a bounded log. Arguments: scratch directory, rounds,
 * operations per round, operations kept (0 for all). Prints `heap <bytes> <rows> <bytes of database> <first position>`.
 */
const [scratch = '', rounds = '10', perRound = '100000', keeps = '0'] = process.argv.slice(2);
const ROWS = 1000;
const directory = mkdtempSync(join(scratch, 'disk-soak-'));
const node = await openNodeOf(
  {
    id: 'node',
    directory,
    durability: 'interval',
    retention: Number(keeps) === 0 ? undefined : { operations: Number(keeps) },
  },
  {
    // Housekeeping looks twenty times a second, so that a short soak has as much of it as a long one.
    environment: {
      ...systemEnvironment,
      schedule: (delayMs, task) => systemEnvironment.schedule(delayMs === 1000 ? 50 : delayMs, task),
    },
  },
);
const table = node.table('rows', { key: 'string', value: 'double', backend: 'sqlite' });

function measured(): { bytes: number; first: number } {
  const database = new Database(join(directory, 'node.tablecast.db'), { readonly: true });
  const pages = Number(database.pragma('page_count', { simple: true }));
  const first = database
    .prepare<[], number | null>(
      'SELECT min(p) FROM (SELECT min(position) AS p FROM sealed UNION ALL SELECT min(position) FROM segments)',
    )
    .pluck()
    .get();
  database.close();
  return { bytes: pages * 4096, first: first ?? 0 };
}

let last = 0;
for (let round = 0; round < Number(rounds); round++) {
  for (let count = 0; count < Number(perRound); count++) {
    last++;
    table.set(`row number ${last % ROWS}`, Math.random());
    if (last % 1000 === 0) await setImmediate();
  }
  await node.flush();
  await setTimeout(300);
  const { bytes, first } = measured();
  console.log(`heap ${collectedHeap()} ${table.size} ${bytes} ${first}`);
}
await node.close();
