// Rows that go by themselves: `writeExpire` counts from the latest write, `createExpire` from the first.
// Run it: node --import ./scripts/typescript.mjs examples/expiry.ts
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { openNode } from 'tablecast';

const node = await openNode({ id: 'presence' });
const online = node.table('online', { key: 'string', backend: 'memory', writeExpire: '1s' });
const invited = node.table('invited', { key: 'string', backend: 'memory', createExpire: '1s' });
const gone: string[] = [];
online.changes.subscribe(({ kind, key }) => {
  if (kind === 'expired') gone.push(key);
});

online.add('ada').add('grace');
invited.add('ada');
await pause(600);
online.add('ada'); // written again: a second from now
invited.add('ada'); // written again, but created 600 ms ago
await pause(600);
console.log('online', [...online], 'invited', [...invited]);
assert.deepEqual([...online], ['ada']);
assert.deepEqual([...invited], []);

await pause(800);
console.log('gone', gone);
assert.deepEqual(gone, ['grace', 'ada']);
await node.close();
