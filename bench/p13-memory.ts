import type { Measure, Metric, Target } from './contest.ts';
import { keysOf, valueOf } from './data.ts';
import { settledMemory } from './memory.ts';
import { declare, product } from './product.ts';

const module = 'p13-memory';
const METRICS: readonly Metric[] = [
  { name: 'row', label: 'memory', unit: 'B/row', steady: true },
  { name: 'rss', label: 'growth of RSS', unit: 'B/row' },
];

export const p13: Target = {
  id: 'P13',
  title: 'Memory per row',
  contests: [
    {
      name: 'memory',
      title:
        '1,000,000 rows (--quick: 200,000): heap, typed arrays and buffers after garbage collection; keys belong to the rows',
      metrics: METRICS,
      maxRounds: 3,
      contestants: [
        { name: 'Map', kind: 'floor', module, export: 'map' },
        { name: 'tablecast', kind: 'ours', module, export: 'ours' },
      ],
      goals: [{ text: '≤ 2x a Map', metric: 'row', of: 'tablecast', over: 'Map', atMost: 2 }],
    },
  ],
};

function rowsOf(quick: boolean): number {
  return quick ? 200_000 : 1_000_000;
}

export const map: Measure = async ({ quick }) => {
  const count = rowsOf(quick);
  return growth(count, async () => {
    const rows = new Map<string, number>();
    for (const [index, key] of keysOf(count).entries()) rows.set(key, valueOf(index));
    return rows;
  });
};

export const ours: Measure = async ({ quick, directory }) => {
  const count = rowsOf(quick);
  const { openNode } = await product();
  const node = await openNode({ id: 'bench', directory, durability: 'interval' });
  return growth(count, async () => {
    const table = declare(node, 'numbers', { backend: 'sqlite' });
    for (const [index, key] of keysOf(count).entries()) table.set(key, valueOf(index));
    await node.flush();
    return table;
  });
};

async function growth(count: number, fill: () => Promise<unknown>): Promise<Awaited<ReturnType<Measure>>> {
  const before = await settledMemory();
  const kept = await fill();
  const after = await settledMemory();
  if (kept === undefined) throw new Error('Nothing was kept.');
  return { row: (after.held - before.held) / count, rss: (after.rss - before.rss) / count };
}
