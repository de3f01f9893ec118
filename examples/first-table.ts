// Two nodes share a table: what one writes, the other reads.
// Run it: node --import ./scripts/typescript.mjs examples/first-table.ts
import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import { openNode } from 'tablecast';

// Here both nodes are in one process; in production each is a process of its own.
const manager = await openNode({ id: 'manager', listen: { port: 0 } });
const worker = await openNode({ id: 'worker', peers: [manager.address ?? ''] });

// The same declaration on every node that wants the table.
const declaration = { key: 'addr', value: 'count', backend: 'memory' } as const;
const hosts = manager.table('known_hosts', declaration);
const hostsAtWorker = worker.table('known_hosts', declaration);

const arrived = firstValueFrom(hostsAtWorker.changes);
hosts.set('10.0.0.1', 1); // synchronous, like a Map
assert.equal(hosts.get('10.0.0.1'), 1); // readable at once

const change = await arrived;
console.log(`worker: ${change.kind} ${change.key} = ${String(change.value)}, written by ${change.origin}`);
assert.deepEqual([...hostsAtWorker], [['10.0.0.1', 1]]);

await worker.close();
await manager.close();
