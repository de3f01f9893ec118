import { stopwatch } from './clock.ts';
import type { Sample } from './contest.ts';
import { keysOf, orderOf, valueOf } from './data.ts';

/** A table in memory, as far as the contest of local writes needs it. */
export interface LocalTable {
  /** Writes one value; a promise is awaited, whether the contestant needs it or not it does not get two. */
  set(key: string, value: number): void | Promise<void>;
  /** Runs writes as one transaction; left out where nothing is gained by it. */
  transact?(write: () => void): void;
  /** Resolves when all that writing caused is done: logged, encoded, told. */
  settle?(): Promise<void>;
}

/** What is written: how often, and in transactions of how many. */
export interface LocalLoad {
  readonly keys: number;
  readonly tables: number;
  readonly updates: number;
  readonly batch: number;
}

/** Inserts into fresh tables, then updates at random; CPU and rate of each. */
export async function measureLocal(
  open: (index: number) => LocalTable | Promise<LocalTable>,
  load: LocalLoad,
): Promise<Sample> {
  await measureOnce(open, { ...load, tables: 1 }, 0);
  return measureOnce(open, load, 1);
}

async function measureOnce(
  open: (index: number) => LocalTable | Promise<LocalTable>,
  load: LocalLoad,
  first: number,
): Promise<Sample> {
  const tables: LocalTable[] = [];
  const keys: string[][] = [];
  for (let index = 0; index < load.tables; index++) {
    tables.push(await open(first + index));
    keys.push(keysOf(load.keys, first + index));
  }
  const inserted = stopwatch();
  for (const [index, table] of tables.entries()) await insert(table, keys[index] as string[], load.batch);
  const inserts = inserted();
  const order = orderOf(load.updates, load.keys);
  const table = tables.at(-1) as LocalTable;
  const known = keys.at(-1) as string[];
  const updated = stopwatch();
  await update(table, { known, order, batch: load.batch });
  const updates = updated();
  const written = load.keys * load.tables;
  return {
    insert: inserts.cpuUs / written,
    update: updates.cpuUs / load.updates,
    insertRate: written / (inserts.wallUs / 1e6),
    updateRate: load.updates / (updates.wallUs / 1e6),
  };
}

async function insert(table: LocalTable, keys: readonly string[], batch: number): Promise<void> {
  if (batch === 1 || table.transact === undefined) {
    for (let index = 0; index < keys.length; index++) {
      const done = table.set(keys[index] as string, valueOf(index));
      if (done !== undefined) await done;
    }
  } else {
    for (let from = 0; from < keys.length; from += batch) {
      const to = Math.min(from + batch, keys.length);
      table.transact(() => {
        for (let index = from; index < to; index++) void table.set(keys[index] as string, valueOf(index));
      });
    }
  }
  await table.settle?.();
}

async function update(
  table: LocalTable,
  { known, order, batch }: { known: readonly string[]; order: Uint32Array; batch: number },
): Promise<void> {
  const write = (index: number): void | Promise<void> =>
    table.set(known[order[index] as number] as string, valueOf(index) + 1);
  if (batch === 1 || table.transact === undefined) {
    for (let index = 0; index < order.length; index++) {
      const done = write(index);
      if (done !== undefined) await done;
    }
  } else {
    for (let from = 0; from < order.length; from += batch) {
      const to = Math.min(from + batch, order.length);
      table.transact(() => {
        for (let index = from; index < to; index++) void write(index);
      });
    }
  }
  await table.settle?.();
}
