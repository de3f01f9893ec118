// The log keeps every operation: a table as it was at any position or time.
// Run it: node --import ./scripts/typescript.mjs examples/time-travel.ts
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { openNode } from 'tablecast';

const node = await openNode({ id: 'config' });
const flags = node.table('flags', { key: 'string', value: 'bool', backend: 'memory' });
flags.set('beta', false);
flags.set('dark', true);
const position = node.log.position;
const time = Date.now();

await pause(10);
flags.set('beta', true);
flags.delete('dark');
console.log('now', [...flags]);

const then = await node.log.stateAt({ table: 'flags', position });
console.log(`at position ${position}`, [...then]);
assert.deepEqual(
  [...then],
  [
    ['beta', false],
    ['dark', true],
  ],
);
assert.deepEqual(await node.log.stateAt({ table: 'flags', time }), then);
assert.deepEqual([...flags], [['beta', true]]);
await node.close();
