// Changes what a table holds while programs of before and new ones run: counts become records, and both stay alike.
// Run it: node --import ./scripts/typescript.mjs examples/alter.ts
import assert from 'node:assert/strict';
import { alterTable, openNode } from 'tablecast';

const before = { key: 'addr', value: 'count' } as const;
const after = { key: 'addr', value: 'record', complexValues: true } as const;

const hub = await openNode({ id: 'hub', listen: { port: 0 } });
const peers = [hub.address as string];
const oldProgram = await openNode({ id: 'old', peers });
const newProgram = await openNode({ id: 'new', peers });
const hits = oldProgram.table('hits', before);
const visits = newProgram.table('visits', after);

const alteration = alterTable(hub, {
  from: hub.table('hits', before),
  to: hub.table('visits', after),
  up: ({ key, value }, standing) => ({ key, value: { ...(standing?.value as object), hits: value } }),
  down: ({ key, value }) => ({ key, value: (value as { hits: number }).hits }),
});

/** Resolves when a table shows a row that satisfies. */
function shown<V>(
  table: Iterable<[string, V]> & { changes: typeof visits.changes },
  is: (value: V) => boolean,
) {
  return new Promise<void>((resolve) => {
    const look = () => [...table].some(([, value]) => is(value)) && resolve();
    table.changes.subscribe(look);
    look();
  });
}

hits.set('10.0.0.1', 1);
await shown(visits, (value) => (value as { hits: number }).hits === 1);
visits.set('10.0.0.1', { hits: 2, agent: 'curl' });
await shown(hits as never, (value) => Number(value) === 2);
hits.increment('10.0.0.1');
await shown(visits, (value) => (value as { hits: number }).hits === 3);
console.log('old', [...hits], 'new', [...visits], alteration.state);
assert.deepEqual([...visits], [['10.0.0.1', { hits: 3, agent: 'curl' }]]);

await alteration.close();
for (const node of [oldProgram, newProgram, hub]) await node.close();
