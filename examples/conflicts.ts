// Two nodes write one key at the same time. In the mode `naive` arrival order wins: they exchange
// their values and differ. Both report the conflict, and the next write heals it.
// Run it: node --import ./scripts/typescript.mjs examples/conflicts.ts
import assert from 'node:assert/strict';
import { filter, firstValueFrom } from 'rxjs';
import { openNode } from 'tablecast';

const declaration = { key: 'string', value: 'string', backend: 'memory' } as const;
const north = await openNode({ id: 'north', listen: { port: 0 } });
const south = await openNode({ id: 'south', peers: [north.address ?? ''] });
const owners = north.table('owners', declaration);
const ownersInSouth = south.table('owners', declaration);
await firstValueFrom(ownersInSouth.synced.pipe(filter((synced) => synced)));

const reports = Promise.all([firstValueFrom(owners.conflicts), firstValueFrom(ownersInSouth.conflicts)]);
owners.set('printer', 'Ada'); // neither has seen the other's write
ownersInSouth.set('printer', 'Grace');
for (const { key, kept, lost } of await reports) {
  console.log(`conflict on ${key}: now ${String(kept.value)}, was ${String(lost.value)} of ${lost.origin}`);
}
console.log(`north has ${owners.get('printer')}, south has ${ownersInSouth.get('printer')}`);
assert.equal(owners.get('printer'), 'Grace');
assert.equal(ownersInSouth.get('printer'), 'Ada');

const healed = firstValueFrom(ownersInSouth.changes);
owners.set('printer', 'Mary');
await healed;
console.log(`after the next write both have ${ownersInSouth.get('printer')}`);
assert.equal(ownersInSouth.get('printer'), owners.get('printer'));
await south.close();
await north.close();
