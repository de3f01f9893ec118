import { join } from 'node:path';
import Database from 'better-sqlite3';
import { pause, stopwatch } from './clock.ts';
import { type Contestant, type Measure, type Metric, type Sample, type Target } from './contest.ts';
import { KEYS, keyAt, keysOf, orderOf, valueOf } from './data.ts';
import { bytesIn } from './durable.ts';
import { settledMemory } from './memory.ts';
import { declare, product } from './product.ts';

const module = 'p09-rebuild';

const METRICS: readonly Metric[] = [
  { name: 'cpu', label: 'CPU', unit: 'ms', steady: true },
  { name: 'wall', label: 'time', unit: 'ms' },
  { name: 'rss', label: 'RSS after', unit: 'MB' },
  { name: 'stored', label: 'stored', unit: 'B/op' },
];

const floor: Contestant = { name: 'Map.set of all', kind: 'floor', module, export: 'mapSet' };

function peer(name: string, file: string, packages: readonly string[], variant = '1'): Contestant {
  const needs = packages.map((wanted) => ({ what: 'package', name: wanted }) as const);
  return {
    name,
    kind: 'peer',
    module: `peers/${file}`,
    export: 'rebuild',
    prepare: 'history',
    variant,
    needs,
    slow: true,
  };
}

export const p09: Target = {
  id: 'P9',
  title: 'Rebuild of 1,000,000 operations over 100,000 keys',
  contests: [
    {
      name: 'rebuild',
      title: 'from opening to every row readable',
      metrics: METRICS,
      contestants: [
        floor,
        {
          name: 'tablecast full log',
          kind: 'ours',
          module,
          export: 'ours',
          prepare: 'history',
          variant: 'log',
        },
        {
          name: 'tablecast checkpoint + 1 %',
          kind: 'ours',
          module,
          export: 'ours',
          prepare: 'history',
          variant: 'checkpoint',
        },
        peer('loro snapshot', 'loro', ['loro-crdt'], 'snapshot'),
        peer('loro updates', 'loro', ['loro-crdt'], 'updates'),
        peer('yjs', 'yjs', ['yjs']),
        peer('automerge', 'automerge', ['@automerge/automerge']),
      ],
      goals: [
        {
          text: 'full log ≤ 0.6x Map.set',
          metric: 'cpu',
          of: 'tablecast full log',
          over: floor.name,
          atMost: 0.6,
        },
        {
          text: 'checkpoint + 1 % ≤ 0.3x Map.set',
          metric: 'cpu',
          of: 'tablecast checkpoint + 1 %',
          over: floor.name,
          atMost: 0.3,
        },
        { text: 'RSS ≤ 100 MB', metric: 'rss', of: 'tablecast full log', atMost: 100 },
        ...[
          ['loro snapshot', 2.5],
          ['yjs', 20],
          ['automerge', 30],
        ].map(([over, times]) => ({
          text: `≥ ${times}x cheaper than ${over}`,
          metric: 'cpu',
          of: String(over),
          over: 'tablecast full log',
          atLeast: Number(times),
        })),
      ],
    },
  ],
};

export const p10: Target = {
  id: 'P10',
  title: 'Restart with a long history',
  contests: [
    {
      name: 'history',
      title: '100,000 rows after 10,000,000 operations (--quick: 1,000,000), closed in the ordinary way',
      metrics: METRICS,
      contestants: [
        {
          name: 'tablecast, 100,000 operations',
          kind: 'ours',
          module,
          export: 'ours',
          prepare: 'history',
          variant: 'short',
        },
        {
          name: 'tablecast, long history',
          kind: 'ours',
          module,
          export: 'ours',
          prepare: 'history',
          variant: 'long',
        },
      ],
      goals: [
        {
          text: '≤ 1.3x the time with 100,000 operations',
          metric: 'wall',
          of: 'tablecast, long history',
          over: 'tablecast, 100,000 operations',
          atMost: 1.3,
        },
      ],
    },
  ],
};

const OPERATIONS = 1_000_000;

/** What loading its modules left to be compiled in the background is done by then. */
const LOADED_MS = 500;

/** Times `open`; what it returns is kept until memory was measured. */
export async function measureRebuild(
  open: () => unknown,
  { bytes, operations }: { bytes: number; operations: number },
): Promise<Sample> {
  await pause(LOADED_MS);
  const spent = stopwatch();
  const kept = await open();
  const { cpuUs, wallUs } = spent();
  const { rss } = await settledMemory();
  if (kept === undefined) throw new Error('Nothing was rebuilt.');
  return { cpu: cpuUs / 1000, wall: wallUs / 1000, rss: rss / 1024 / 1024, stored: bytes / operations };
}

/** Every operation in memory, with strings of its own as if it had just been read. */
export const mapSet: Measure = () => {
  const known = keysOf(KEYS);
  const order = orderOf(OPERATIONS, KEYS);
  const keys = Array.from({ length: OPERATIONS }, (_, index) =>
    Buffer.from(known[index < KEYS ? index : (order[index] as number)] as string, 'latin1').toString(
      'latin1',
    ),
  );
  const values = Float64Array.from(keys, (_, index) => valueOf(index));
  return measureRebuild(
    () => {
      const rows = new Map<string, number>();
      for (let index = 0; index < OPERATIONS; index++)
        rows.set(keys[index] as string, values[index] as number);
      return rows;
    },
    { bytes: 0, operations: OPERATIONS },
  );
};

/** Writes `operations` to a new node in `directory` and closes it. */
async function writeHistory(directory: string, operations: number): Promise<void> {
  const { openNode } = await product();
  const node = await openNode({ id: 'bench', directory, durability: 'interval' });
  const table = declare(node, 'numbers', { backend: 'sqlite' });
  const keys = keysOf(KEYS);
  const order = orderOf(operations, KEYS);
  for (let index = 0; index < operations; index++) {
    table.set(keyAt(keys, order, index), valueOf(index));
    if (index % 100_000 === 99_999) await node.flush();
  }
  await node.close();
}

/** Takes the checkpoints out of a closed file: what is left is the log. */
function forgetCheckpoints(directory: string): void {
  const database = new Database(join(directory, 'bench.tablecast.db'));
  database.exec('DELETE FROM checkpoints; DELETE FROM checkpoint_chunks;');
  database.close();
}

/** Writes on, one in a hundred, and ends the way a killed process does. */
async function leaveTail(directory: string): Promise<void> {
  const { openNode } = await product();
  const node = await openNode({ id: 'bench', directory, durability: 'interval' });
  const table = declare(node, 'numbers', { backend: 'sqlite' });
  const keys = keysOf(KEYS);
  for (let index = 0; index < OPERATIONS / 100; index++) table.set(keys[index] as string, valueOf(index));
  await node.flush();
}

function operationsOf(variant: string, quick: boolean): number {
  if (variant === 'short') return KEYS;
  if (variant === 'long') return quick ? 1_000_000 : 10_000_000;
  return OPERATIONS;
}

/** Makes the file that {@link ours} opens. */
export function history(variant: string): Measure {
  return async ({ directory, quick }) => {
    const operations = operationsOf(variant, quick);
    await writeHistory(directory, operations);
    if (variant === 'log') forgetCheckpoints(directory);
    if (variant === 'checkpoint') await leaveTail(directory);
    return { operations };
  };
}

export function ours(variant: string): Measure {
  return async ({ directory, quick }) => {
    const { openNode } = await product();
    const bytes = bytesIn(directory);
    return measureRebuild(
      async () => {
        const node = await openNode({ id: 'bench', directory });
        const table = declare(node, 'numbers', { backend: 'sqlite' });
        if (table.size !== KEYS) throw new Error(`${table.size} rows came back.`);
        return table;
      },
      { bytes, operations: operationsOf(variant, quick) },
    );
  };
}
