// A sqlite table is there again after a restart, and loading it emits no changes.
// Run it: node --import ./scripts/typescript.mjs examples/persistence.ts
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openNode } from 'tablecast';

const directory = await mkdtemp(join(tmpdir(), 'tablecast-example-'));
const declaration = { key: ['addr', 'port'], value: 'string', backend: 'sqlite' } as const;

const before = await openNode({ id: 'sensor', directory });
const services = before.table('known_services', declaration);
services.set(['10.0.0.1', '53/udp'], 'dns').set(['2001:db8::1', '443/tcp'], 'tls');
await before.flush(); // from here on the rows survive a power loss
await before.close();

const after = await openNode({ id: 'sensor', directory });
const restored = after.table('known_services', declaration);
let changes = 0;
restored.changes.subscribe(() => changes++);
for (const [[host, port], service] of restored) console.log(`${host} ${port} ${service}`);
assert.equal(restored.get(['10.0.0.1', '53/udp']), 'dns');
assert.equal(restored.size, 2);
assert.equal(changes, 0);

await after.close();
await rm(directory, { recursive: true });
