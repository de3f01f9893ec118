// Changes are RxJS streams, and the log is one too: replayed from the beginning, then live, without a gap.
// Run it: node --import ./scripts/typescript.mjs examples/change-stream.ts
import assert from 'node:assert/strict';
import { filter, firstValueFrom, map, take, toArray } from 'rxjs';
import { openNode } from 'tablecast';

const node = await openNode({ id: 'counter' });
const failures = node.table('failed_logins', { key: 'addr', value: 'count', backend: 'memory' });

// An alarm: hosts at the moment they reach three failures.
const alarms: string[] = [];
failures.changes
  .pipe(
    filter((change) => change.value === 3),
    map((change) => change.key),
  )
  .subscribe((host) => alarms.push(host));

failures.increment('10.0.0.7');
failures.increment('10.0.0.7');
failures.increment('10.0.0.8');

// Subscribed late, this still sees everything: three operations of the past, then those to come.
const operations = node.log.operations({ after: 0, table: 'failed_logins' });
const five = firstValueFrom(
  operations.pipe(
    take(5),
    map(({ position, key }) => `${position}: ${String(key)}`),
    toArray(),
  ),
);
failures.increment('10.0.0.7');
failures.delete('10.0.0.8');

console.log('operations', await five);
console.log('alarms', alarms);
assert.equal((await five).length, 5);
assert.deepEqual(alarms, ['10.0.0.7']);
await node.close();
