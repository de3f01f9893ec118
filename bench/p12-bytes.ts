import { mkdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { filter, firstValueFrom } from 'rxjs';
import { turn } from './clock.ts';
import type { Measure, Metric, Target } from './contest.ts';
import { SeededRandom } from '../src/simulation/seeded-random.ts';
import { KEYS, keysOf, orderOf } from './data.ts';
import { bytesIn } from './durable.ts';
import { type NumberTable, declare, product } from './product.ts';
import { CountingProxy } from './proxy.ts';

const module = 'p12-bytes';
const METRICS: readonly Metric[] = [
  { name: 'wireNew', label: 'wire, new keys', unit: 'B/op' },
  { name: 'wire', label: 'wire, updates', unit: 'B/op' },
  { name: 'disk', label: 'disk, log', unit: 'B/op' },
  { name: 'sealed', label: 'disk, sealed', unit: 'B/op' },
  { name: 'closed', label: 'disk, closed', unit: 'B/op' },
];

export const p12: Target = {
  id: 'P12',
  title: 'Bytes per operation',
  contests: [
    {
      name: 'bytes',
      title:
        '16-character keys, random doubles, single sets in bursts of 1,000; TCP payload of a proxy between the nodes',
      metrics: METRICS,
      maxRounds: 1,
      contestants: [{ name: 'tablecast', kind: 'ours', module, export: 'ours' }],
      goals: [
        { text: 'wire ≤ 13 B for updates', metric: 'wire', of: 'tablecast', atMost: 13 },
        { text: 'disk ≤ 16 B fresh', metric: 'disk', of: 'tablecast', atMost: 16 },
        { text: 'disk ≤ 10 B sealed', metric: 'sealed', of: 'tablecast', atMost: 10 },
      ],
    },
  ],
};

export const ours: Measure = async ({ directory, quick }) => {
  const { openNode } = await product();
  const folders = ['a', 'b'].map((name) => `${directory}/${name}`);
  for (const folder of folders) mkdirSync(folder);
  const durability = 'interval';
  const a = await openNode({ id: 'a', directory: folders[0], durability, listen: { port: 0 } });
  const proxy = new CountingProxy(a.address as string);
  const b = await openNode({ id: 'b', directory: folders[1], durability, peers: [await proxy.listen()] });
  const [table, copy] = [a, b].map((node) => declare(node, 'numbers', { backend: 'sqlite' })) as [
    NumberTable,
    NumberTable,
  ];
  await firstValueFrom(b.peers.pipe(filter(([peer]) => peer?.state === 'connected')));
  const keys = keysOf(KEYS);
  const random = new SeededRandom(7);
  const pass = async (order: Uint32Array): Promise<number> => {
    const before = proxy.bytes;
    let last = 0;
    for (let index = 0; index < order.length; index++) {
      last = random.next();
      table.set(keys[order[index] as number] as string, last);
      if (index % 1000 === 999) await turn();
    }
    const lastKey = keys[order.at(-1) as number] as string;
    while (copy.get(lastKey) !== last) await turn();
    await b.flush();
    return (proxy.bytes - before) / order.length;
  };
  const wireNew = await pass(Uint32Array.from({ length: KEYS }, (_, index) => index));
  const updates = quick ? 300_000 : 900_000;
  const wire = await pass(orderOf(updates, KEYS));
  await a.flush();
  const disk = logBytes(folders[0] as string) / (KEYS + updates);
  const sealed = await sealedBytes(folders[0] as string, KEYS + updates);
  await b.close();
  await a.close();
  proxy.close();
  const closed = bytesIn(folders[0] as string) / (KEYS + updates);
  return { wireNew, wire, disk, closed, ...(sealed !== undefined && { sealed }) };
};

interface Stored {
  readonly bytes: number | null;
  readonly operations: number | null;
}

function stored(directory: string, table: 'segments' | 'sealed'): Stored {
  const database = new Database(`${directory}/a.tablecast.db`, { readonly: true });
  const row = database
    .prepare<[], Stored>(`SELECT sum(length(bytes)) AS bytes, sum(span) AS operations FROM ${table}`)
    .get();
  database.close();
  return row ?? { bytes: null, operations: null };
}

/** What the operations take in the database, without free pages and without the checkpoint. */
function logBytes(directory: string): number {
  return (stored(directory, 'segments').bytes ?? 0) + (stored(directory, 'sealed').bytes ?? 0);
}

/** How long a node that has nothing else to do may take to write a checkpoint and to seal what it covers. */
const SEALED_WITHIN_MS = 30_000;

/**
 * Bytes per sealed operation, all of history included, once nine in ten operations are sealed: what is left
 * is too little for a block, or behind the checkpoint. Undefined when that takes too long.
 */
async function sealedBytes(directory: string, operations: number): Promise<number | undefined> {
  for (const end = performance.now() + SEALED_WITHIN_MS; performance.now() < end;) {
    const sealed = stored(directory, 'sealed');
    if (sealed.bytes !== null && sealed.operations !== null && sealed.operations >= 0.9 * operations)
      return sealed.bytes / sealed.operations;
    await setTimeout(100);
  }
  return undefined;
}
