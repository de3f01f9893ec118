import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { perOperation, stopwatch } from './clock.ts';
import type { Sample } from './contest.ts';
import { keysOf, orderOf, valueOf } from './data.ts';

/** A store on disk, as far as the contest of durable writes needs it. */
export interface DurableStore {
  set(key: string, value: number): void;
  /** Resolves when everything set so far is as durable as the contest asks; called after every batch. */
  commit(): void | Promise<void>;
  close(): void | Promise<void>;
}

/** `operations` sets over `keys` keys, with a commit after every `batch`. */
export interface DurableLoad {
  readonly operations: number;
  readonly keys: number;
  readonly batch: number;
}

/** Writes until all is on disk; the store is open before the clock starts. */
export async function measureDurable(
  open: (directory: string) => DurableStore | Promise<DurableStore>,
  directory: string,
  load: DurableLoad,
): Promise<Sample> {
  const keys = keysOf(load.keys);
  const order = orderOf(load.operations, load.keys);
  const store = await open(directory);
  const warm = Math.min(Math.ceil(load.operations / 10), 50_000);
  await write(store, { keys, order: order.subarray(0, warm) }, load);
  await store.commit();
  const before = bytesIn(directory);
  const spent = stopwatch();
  await write(store, { keys, order }, load);
  await store.commit();
  const result = perOperation(spent(), load.operations);
  await store.close();
  return { ...result, disk: (bytesIn(directory) - before) / load.operations };
}

async function write(
  store: DurableStore,
  { keys, order }: { keys: readonly string[]; order: Uint32Array },
  { batch }: DurableLoad,
): Promise<void> {
  for (let index = 0; index < order.length; index++) {
    store.set(keys[order[index] as number] as string, valueOf(index));
    if ((index + 1) % batch !== 0) continue;
    const done = store.commit();
    if (done !== undefined) await done;
  }
}

/** Size of all files in a directory and below. */
export function bytesIn(directory: string): number {
  let sum = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    sum += entry.isDirectory() ? bytesIn(path) : statSync(path).size;
  }
  return sum;
}
