// A secondary index is a view with groupBy: it finds rows by what is in them, and follows every change.
// Run it: node --import ./scripts/typescript.mjs examples/secondary-index.ts
import assert from 'node:assert/strict';
import { filter, firstValueFrom } from 'rxjs';
import { openNode } from 'tablecast';

const office = await openNode({ id: 'office', listen: { port: 0 } });
const branch = await openNode({ id: 'branch', peers: [office.address ?? ''] });
const declaration = { key: ['addr', 'port'], value: 'string', backend: 'memory' } as const;
const owners = office.table('owners', declaration);

// One index by the value, one by two columns, and one that has but a part of the rows.
const byOwner = owners.view({ groupBy: ({ value }) => value });
const byOwnerAndPort = owners.view({ groupBy: ({ key: [, port], value }) => [value, port] });
const remote = owners.view({
  where: ({ key: [, port] }) => port === '22/tcp',
  groupBy: ({ value }) => value,
});

owners.set(['10.0.0.1', '22/tcp'], 'Ada').set(['10.0.0.1', '80/tcp'], 'Ada');
owners.set(['10.0.0.2', '22/tcp'], 'Grace');
assert.deepEqual(
  byOwner.get('Ada')?.map(({ key: [, port] }) => port),
  ['22/tcp', '80/tcp'],
);
assert.equal(byOwnerAndPort.get(['Ada', '80/tcp'])?.length, 1);
assert.equal(byOwner.get('Linus'), undefined);

// What another node writes moves rows from one group to another.
const ownersInBranch = branch.table('owners', declaration);
await firstValueFrom(ownersInBranch.synced.pipe(filter((synced) => synced)));
const told = firstValueFrom(byOwner.differences);
ownersInBranch.set(['10.0.0.2', '22/tcp'], 'Ada');
for (const { kind, key, value } of await told) console.log(kind, key, value?.length ?? 0, 'rows');
assert.equal(remote.get('Ada')?.length, 2);
assert.equal(byOwner.get('Grace'), undefined);
console.log('Ada has', byOwner.get('Ada')?.length, 'services,', remote.get('Ada')?.length, 'of them by ssh');
await branch.close();
await office.close();
