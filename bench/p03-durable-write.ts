import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Contestant, type Goal, CPU, type Measure, type Metric, RATE, type Target } from './contest.ts';
import { KEYS } from './data.ts';
import { type DurableLoad, type DurableStore, measureDurable } from './durable.ts';
import { Reading } from './p01-local-write.ts';
import { declare, product } from './product.ts';

const module = 'p03-durable-write';
const DISK: Metric = { name: 'disk', label: 'disk', unit: 'B/op' };
const METRICS = [CPU, RATE, DISK];

function peer(name: string, file: string, variant: string, packages: readonly string[]): Contestant {
  const needs = packages.map((wanted) => ({ what: 'package', name: wanted }) as const);
  return {
    name,
    kind: 'peer',
    module: `peers/${file}`,
    export: 'durable',
    variant,
    needs,
    slow: file === 'yjs',
  };
}

const floorRow: Contestant = {
  name: 'append to a file',
  kind: 'floor',
  module,
  export: 'append',
  variant: 'interval',
};
const floorSync: Contestant = { ...floorRow, name: 'append + fdatasync', variant: 'commit' };

export const p03: Target = {
  id: 'P3',
  title: 'Durable writes through the one-operation API',
  contests: [
    {
      name: 'interval',
      title: "durability 'interval': survives a killed process",
      note: 'Batches of 1,000 for everyone but ours, which is given single set() calls and gathers them itself.',
      metrics: METRICS,
      contestants: [
        floorRow,
        { name: 'tablecast', kind: 'ours', module, export: 'ours', variant: 'interval' },
        { name: 'SQLite rows', kind: 'peer', module, export: 'sqlite', variant: 'interval' },
        peer('lmdb', 'lmdb', 'interval', ['lmdb']),
        peer('y-leveldb', 'yjs', '1000', ['y-leveldb', 'yjs']),
        peer('y-leveldb, 1 per commit', 'yjs', '1', ['y-leveldb', 'yjs']),
      ],
      goals: [
        { text: '≥ 700,000 op/s', metric: 'rate', of: 'tablecast', atLeast: 700_000 },
        { text: '≤ 8x the CPU of an append', metric: 'cpu', of: 'tablecast', over: floorRow.name, atMost: 8 },
        faster('SQLite rows', 1.5),
        faster('lmdb', 2),
        faster('y-leveldb', 8),
        faster('y-leveldb, 1 per commit', 200),
      ],
    },
    {
      name: 'commit',
      title: "durability 'commit': survives a power loss; 1,000 in flight",
      metrics: METRICS,
      contestants: [
        floorSync,
        { name: 'tablecast', kind: 'ours', module, export: 'ours', variant: 'commit' },
        { name: 'SQLite rows', kind: 'peer', module, export: 'sqlite', variant: 'commit' },
        peer('lmdb', 'lmdb', 'commit', ['lmdb']),
      ],
      goals: [
        {
          text: '≥ 0.8x the rate of append + fdatasync per 1,000',
          metric: 'rate',
          of: 'tablecast',
          over: floorSync.name,
          atLeast: 0.8,
        },
        faster('SQLite rows', 1.5),
        faster('lmdb', 2),
      ],
    },
  ],
};

export const p04: Target = {
  id: 'P4',
  title: 'One durable write at a time',
  contests: [
    {
      name: 'awaited',
      title: "set() and flush(), awaited, durability 'commit'",
      metrics: [RATE, CPU],
      contestants: [
        { ...floorRow, name: 'append + fdatasync', variant: 'single' },
        { name: 'tablecast', kind: 'ours', module, export: 'ours', variant: 'single' },
        { name: 'SQLite rows', kind: 'peer', module, export: 'sqlite', variant: 'single' },
        peer('lmdb', 'lmdb', 'single', ['lmdb']),
      ],
      goals: [
        {
          text: '≥ 0.7x append + fdatasync',
          metric: 'rate',
          of: 'tablecast',
          over: floorSync.name,
          atLeast: 0.7,
        },
      ],
    },
  ],
};

function faster(over: string, times: number): Goal {
  return { text: `≥ ${times}x the rate of ${over}`, metric: 'rate', of: 'tablecast', over, atLeast: times };
}

/** How much is written: the same for all that can do it in reasonable time. */
export function loadOf(variant: string, quick: boolean): DurableLoad {
  if (variant === 'single') return { operations: quick ? 300 : 2000, keys: 1000, batch: 1 };
  return { operations: quick ? 200_000 : 1_000_000, keys: KEYS, batch: 1000 };
}

export function append(variant: string): Measure {
  return ({ directory, quick }) =>
    measureDurable((folder) => appended(folder, variant !== 'interval'), directory, loadOf(variant, quick));
}

/** What no log can do without: the bytes of the operations at the end of a file. */
function appended(directory: string, sync: boolean): DurableStore {
  const file = openSync(join(directory, 'log'), 'a');
  const bytes = Buffer.alloc(64 * 1024);
  let used = 0;
  return {
    set(key, value) {
      bytes[used] = key.length;
      bytes.write(key, used + 1, 'latin1');
      used = bytes.writeDoubleLE(value, used + 1 + key.length);
    },
    commit() {
      if (used === 0) return;
      writeSync(file, bytes, 0, used);
      used = 0;
      if (sync) fdatasyncSync(file);
    },
    close: () => closeSync(file),
  };
}

export function sqlite(variant: string): Measure {
  return ({ directory, quick }) =>
    measureDurable(
      (folder) => sqliteRows(folder, variant === 'interval' ? 'NORMAL' : 'FULL'),
      directory,
      loadOf(variant, quick),
    );
}

/** A row per operation, one prepared statement, a transaction per batch: what one writes by hand. */
function sqliteRows(directory: string, synchronous: 'NORMAL' | 'FULL'): DurableStore {
  const database = new Database(join(directory, 'log.db'));
  database.pragma('journal_mode = WAL');
  database.pragma(`synchronous = ${synchronous}`);
  database.exec('CREATE TABLE log (position INTEGER PRIMARY KEY, key TEXT NOT NULL, value REAL NOT NULL)');
  const insert = database.prepare('INSERT INTO log (key, value) VALUES (?, ?)');
  let open = false;
  return {
    set(key, value) {
      if (!open) database.exec('BEGIN');
      open = true;
      insert.run(key, value);
    },
    commit() {
      if (open) database.exec('COMMIT');
      open = false;
    },
    close: () => {
      database.close();
    },
  };
}

export function ours(variant: string): Measure {
  return ({ directory, quick }) => {
    const durability = variant === 'interval' ? 'interval' : 'commit';
    const load = loadOf(variant, quick);
    // At 'interval' nothing is awaited until the end: there is no batch a user has to think of.
    const batch = variant === 'interval' ? Infinity : load.batch;
    return measureDurable((folder) => ourStore(folder, durability), directory, { ...load, batch });
  };
}

async function ourStore(directory: string, durability: 'commit' | 'interval'): Promise<DurableStore> {
  const { openNode } = await product();
  const node = await openNode({ id: 'bench', directory, durability });
  const table = declare(node, 'numbers', { backend: 'sqlite' });
  const reading = new Reading();
  table.changes.subscribe((change) => reading.read(change.key, change.value as number));
  return {
    set(key, value) {
      table.set(key, value);
    },
    commit: () => node.flush(),
    async close() {
      if (reading.count === 0) throw new Error('The subscriber was told of nothing.');
      await node.close();
    },
  };
}
