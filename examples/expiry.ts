// Rows that go by themselves: `writeExpire` counts from the latest write, `createExpire` from the first.
// Run it: node --import ./scripts/typescript.mjs examples/expiry.ts
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { openNode } from 'tablecast';

const node = await openNode({ id: 'presence' });
const online = node.table('online', { key: 'string', backend: 'memory', writeExpire: '400ms' });
const invited = node.table('invited', { key: 'string', backend: 'memory', createExpire: '400ms' });
const gone: string[] = [];
online.changes.subscribe(({ kind, key }) => {
  if (kind === 'expired') gone.push(key);
});

online.add('ada').add('grace');
invited.add('ada');
await pause(250);
online.add('ada'); // written again: 400 ms from now
invited.add('ada'); // written again, but created 250 ms ago
await pause(250);
console.log('online', [...online], 'invited', [...invited]);
assert.deepEqual([...online], ['ada']);
assert.deepEqual([...invited], []);

await pause(400);
console.log('gone', gone);
assert.deepEqual(gone, ['grace', 'ada']);
await node.close();
