// A node that joins late gets everything; `synced` tells when it has it.
// Run it: node --import ./scripts/typescript.mjs examples/late-joiner.ts
import assert from 'node:assert/strict';
import { filter, firstValueFrom } from 'rxjs';
import { openNode } from 'tablecast';

const ROWS = 10_000;
const declaration = { key: 'count', value: 'string', backend: 'memory' } as const;
const early = await openNode({ id: 'early', listen: { port: 0 } });
const blocked = early.table('blocked', declaration);
for (let index = 0; index < ROWS; index++) blocked.set(index, `rule ${index}`);
blocked.delete(0);

const started = performance.now();
const late = await openNode({ id: 'late', peers: [early.address ?? ''] });
const copy = late.table('blocked', declaration);
assert.equal(copy.size, 0);
await firstValueFrom(copy.synced.pipe(filter((synced) => synced)));

console.log(`${copy.size} rows in ${(performance.now() - started).toFixed(0)} ms`);
assert.deepEqual([...copy], [...blocked]);
await late.close();
await early.close();
