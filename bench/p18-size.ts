import { stopwatch } from './clock.ts';
import type { Contestant, Measure, Metric, Sample, Setting, Target } from './contest.ts';
import { KEYS, keysOf, orderOf, valueOf } from './data.ts';
import { readerOf } from './link-reader.ts';
import { measureLateJoin } from './link.ts';
import { settledMemory } from './memory.ts';
import { ourLink } from './our-link.ts';
import { declare, product } from './product.ts';

const module = 'p18-size';
const UPDATES = 1_000_000;
/** So many rows are written before the writer waits for the disk, as a program that fills a table does. */
const BURST = 100_000;

const perRow = (name: string, label: string): Metric => ({ name, label, unit: 'µs/row', steady: true });
const METRICS: readonly Metric[] = [
  perRow('insert', 'insert'),
  perRow('update', 'update at random'),
  { name: 'row', label: 'memory', unit: 'B/row', steady: true },
  perRow('open', 'open'),
];

/** How many rows a variant stands for. */
const rowsOf = (variant: string, { quick }: Setting): number =>
  variant === 'few' ? KEYS : quick ? 1_000_000 : 10_000_000;

const ours = (name: string, how: string, variant: string): Contestant => ({
  name,
  kind: 'ours',
  module,
  export: how,
  variant,
});
const floor = (name: string, variant: string): Contestant => ({
  ...ours(name, 'map', variant),
  kind: 'floor',
});

const FEW = 'tablecast, few';
const MANY = 'tablecast, many';
const noDearer = (metric: string) => ({
  text: `${metric} ≤ 1.2x that of few rows`,
  metric,
  of: MANY,
  over: FEW,
  atMost: 1.2,
});

export const p18: Target = {
  id: 'P18',
  title: 'Ten million rows in one node',
  contests: [
    {
      name: 'size',
      title: 'many: 10,000,000 rows (--quick: 1,000,000), few: 100,000, on sqlite; CPU',
      metrics: METRICS,
      maxRounds: 3,
      contestants: [
        floor('Map, many', 'many'),
        floor('Map, few', 'few'),
        ours(FEW, 'table', 'few'),
        ours(MANY, 'table', 'many'),
      ],
      goals: [
        ...['insert', 'update', 'open'].map(noDearer),
        { text: 'memory ≤ 1.7x a Map', metric: 'row', of: MANY, over: 'Map, many', atMost: 1.7 },
      ],
    },
    {
      name: 'join',
      title: 'a node joins, memory at both ends; CPU of both processes',
      metrics: [perRow('join', 'join')],
      maxRounds: 3,
      contestants: [ours(FEW, 'join', 'few'), ours(MANY, 'join', 'many')],
      goals: [noDearer('join')],
    },
  ],
};

interface Writable {
  set(key: string, value: number): unknown;
}

/** Fills with rows and updates them at random; `settle` waits until what was written has been taken. */
async function written(count: number, make: () => Writable, settle: () => Promise<void>): Promise<Sample> {
  const before = await settledMemory();
  const keys = keysOf(count);
  const rows = make();
  const inserting = stopwatch();
  for (const [index, key] of keys.entries()) {
    rows.set(key, valueOf(index));
    if (index % BURST === BURST - 1) await settle();
  }
  await settle();
  const insert = inserting().cpuUs / count;
  const after = await settledMemory();
  const order = orderOf(UPDATES, count);
  const updating = stopwatch();
  for (const [index, at] of order.entries()) {
    rows.set(keys[at] as string, index);
    if (index % BURST === BURST - 1) await settle();
  }
  const update = updating().cpuUs / UPDATES;
  return { insert, update, row: (after.held - before.held) / count };
}

export const map =
  (variant: string): Measure =>
  (setting) =>
    written(
      rowsOf(variant, setting),
      () => new Map<string, number>(),
      () => Promise.resolve(),
    );

export const table =
  (variant: string): Measure =>
  async (setting) => {
    const count = rowsOf(variant, setting);
    const { openNode } = await product();
    const options = { id: 'bench', directory: setting.directory, durability: 'interval' } as const;
    let node = await openNode(options);
    const sample = await written(
      count,
      () => declare(node, 'numbers', { backend: 'sqlite' }),
      () => node.flush(),
    );
    await node.close();
    const opening = stopwatch();
    node = await openNode(options);
    const { size } = declare(node, 'numbers', { backend: 'sqlite' });
    const open = opening().cpuUs / count;
    if (size !== count) throw new Error(`${size} rows came back, of ${count}.`);
    await node.close();
    return { ...sample, open };
  };

const link = ourLink({ backend: 'memory' });

export const join =
  (variant: string): Measure =>
  async (setting) => {
    const keys = rowsOf(variant, setting);
    const names = { module, name: 'reader', variant };
    const { cpu = Number.NaN } = await measureLateJoin(link, names, {
      setting,
      load: { operations: keys, keys, batch: 1 },
    });
    return { join: (cpu * 1000) / keys };
  };

export const reader = (): Measure => readerOf(link);
