// A view is a question about a table whose answer is kept up to date, with what became another as a stream.
// Run it: node --import ./scripts/typescript.mjs examples/live-views.ts
import assert from 'node:assert/strict';
import { openNode } from 'tablecast';

const node = await openNode({ id: 'analyst' });
const flows = node.table('flows', { key: ['addr', 'port'], value: 'count', backend: 'memory' });
const owners = node.table('owners', { key: 'addr', value: 'string', backend: 'memory' });

// The two hosts with most bytes, summed over their ports.
const top = flows.view({
  groupBy: ({ key: [host] }) => host,
  aggregate: { ports: 'count', bytes: { sum: ({ value }) => value } },
  orderBy: { descending: ({ value }) => value.bytes },
  limit: 2,
});
// A secondary index: the rows of each host.
const byHost = flows.view({ groupBy: ({ key: [host] }) => host });
// Each flow with the owner of its host.
const owned = flows
  .join(owners, { on: ({ key: [host] }) => host })
  .view({ map: ({ value: { left, right } }) => `${right.value}: ${left} bytes` });

const told: string[] = [];
top.differences.subscribe((differences) => {
  for (const { kind, key, value } of differences) told.push(`${kind} ${key} ${value?.bytes ?? '-'}`);
});

flows.set(['10.0.0.1', '80/tcp'], 100).set(['10.0.0.1', '443/tcp'], 900).set(['10.0.0.2', '22/tcp'], 500);
flows.set(['10.0.0.3', '53/udp'], 700);
owners.set('10.0.0.3', 'Ada');
flows.delete(['10.0.0.1', '443/tcp']);

console.log('top', top.snapshot);
console.log('told', told);
assert.deepEqual(
  top.snapshot.map(({ key }) => key),
  ['10.0.0.3', '10.0.0.2'],
);
assert.deepEqual(told.at(-2), 'removed 10.0.0.1 -');
assert.equal(byHost.get('10.0.0.1')?.length, 1);
assert.equal(owned.get(['10.0.0.3', '53/udp']), 'Ada: 700 bytes');
await node.close();
