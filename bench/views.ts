import { stopwatch, turn } from './clock.ts';
import type { Sample, Setting } from './contest.ts';
import { SeededRandom } from '../src/simulation/seeded-random.ts';
import { KEYS, keysOf, orderOf } from './data.ts';

/** Writes between two turns of the event loop, and between two looks at the clock. */
const PER_TURN = 1000;
/** Groups that rows fall into, and rows of the other table of a join. */
export const GROUPS = 1000;
/** Rows that a view with an order shows. */
export const SHOWN = 100;

/** Is what a view is asked: the same of everyone. */
export type Question = 'filter' | 'sorted' | 'groups' | 'join';

/** Rows to write, and whatever shows them. */
export interface ViewedRows {
  /** Writes one row. */
  set(key: string, value: number): void;
  /** Writes rows of keys that are new, all at once, where one by one would take minutes. */
  fill?(keys: readonly string[], values: Float64Array): void;
  /** Runs writes as one transaction; left out where every write is one. */
  transact?(write: () => void): void;
  /** Reads what is shown, after some writes; left out by who was told of it. */
  read?(): void;
  /** Says how many differences were told, or read. */
  readonly seen: () => number;
}

/** A value that every question takes something of: in [0, 1,000), half of all pass the filter. */
function valueAt(random: SeededRandom): number {
  return Math.floor(random.next() * 1_000_000) / 1000;
}

export const passes = (value: number): boolean => value < 500;
export const groupOf = (value: number): number => Math.floor(value) % GROUPS;

/**
 * Measures the same updates of the same rows without a view and with one, in turns: `view` is what the view adds.
 */
export async function measureView(
  open: (viewed: boolean) => Promise<ViewedRows>,
  { quick, slow = 1 }: Pick<Setting, 'quick'> & { readonly slow?: number },
): Promise<Sample> {
  const keys = keysOf(KEYS);
  const rows = [await open(false), await open(true)] as const;
  const random = new SeededRandom(3);
  const values = Float64Array.from({ length: 1 << 16 }, () => valueAt(random));
  for (const each of rows) {
    if (each.fill !== undefined) each.fill(keys, values);
    else await write(each, { keys, order: Uint32Array.from(keys.keys()), values });
  }
  const order = orderOf((quick ? 200_000 : 400_000) / slow, KEYS);
  const spent = [0, 0];
  const inTurn = order.length / 10;
  // A part is done before the clock starts, so that everybody is compiled.
  const warm = 2 * inTurn;
  for (let from = 0; from < order.length; from += inTurn) {
    const part = order.subarray(from, from + inTurn);
    for (const [index, each] of rows.entries()) {
      const stop = stopwatch();
      await write(each, { keys, order: part, values });
      if (from >= warm) spent[index] = (spent[index] as number) + stop().cpuUs;
    }
  }
  if (rows[1].seen() === 0) throw new Error('The view showed nothing.');
  const operations = order.length - warm;
  const [bare, viewed] = spent as [number, number];
  return { view: (viewed - bare) / operations, cpu: viewed / operations };
}

async function write(
  rows: ViewedRows,
  {
    keys,
    order,
    values,
  }: { readonly keys: readonly string[]; readonly order: Uint32Array; readonly values: Float64Array },
): Promise<void> {
  const transact = (act: () => void): void => (rows.transact === undefined ? act() : rows.transact(act));
  for (let from = 0; from < order.length; from += PER_TURN) {
    const end = Math.min(from + PER_TURN, order.length);
    transact(() => {
      for (let at = from; at < end; at++) {
        const key = order[at] as number;
        rows.set(keys[key] as string, values[(key * 7 + at) & 0xffff] as number);
      }
    });
    rows.read?.();
    await turn();
  }
}
