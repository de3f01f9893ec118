import { filter, firstValueFrom } from 'rxjs';
import type { TableNode } from 'tablecast';
import { stopwatch, turn } from './clock.ts';
import type { Measure, Metric, Target } from './contest.ts';
import { keysOf, valueOf } from './data.ts';
import { type NumberTable, declare, product } from './product.ts';

const module = 'p11-fan-out';
const METRICS: readonly Metric[] = [
  { name: 'crossings', label: 'crossings per operation and link', unit: '' },
  { name: 'cpu', label: 'CPU, all nodes', unit: 'µs/op' },
  { name: 'cpuPerCopy', label: 'CPU per copy', unit: 'µs/op' },
  { name: 'rate', label: 'rate', unit: 'op/s', larger: true },
];

const NODES = 8;
const OPERATIONS = 20_000;

export const p11: Target = {
  id: 'P11',
  title: 'Fan-out: one writer, 8 nodes',
  contests: [
    {
      name: 'fan-out',
      title: '20,000 single sets in one process of 8 nodes, sqlite left out',
      note: 'A crossing is an operation that arrived over a link, counted by the node that received it.',
      metrics: METRICS,
      maxRounds: 3,
      contestants: ['link', 'star', 'mesh'].map((variant) => ({
        name: { link: 'one link (2 nodes)', star: 'star', mesh: 'full mesh' }[variant] as string,
        kind: 'ours',
        module,
        export: 'ours',
        variant,
      })),
      goals: [
        { text: 'star: at most once per link', metric: 'crossings', of: 'star', atMost: 1 },
        { text: 'mesh: at most once per link', metric: 'crossings', of: 'full mesh', atMost: 1 },
        {
          text: 'star: a copy costs no more than on one link',
          metric: 'cpuPerCopy',
          of: 'star',
          over: 'one link (2 nodes)',
          atMost: 1,
        },
      ],
    },
  ],
};

export function ours(variant: string): Measure {
  return async () => {
    const { openNode } = await product();
    const count = variant === 'link' ? 2 : NODES;
    const nodes: TableNode[] = [];
    for (let index = 0; index < count; index++) {
      const before = nodes.slice(0, variant === 'mesh' ? index : 1).map(({ address }) => address as string);
      nodes.push(await openNode({ id: `n${index}`, listen: { port: 0 }, peers: before }));
    }
    const tables = nodes.map((node) => declare(node, 'numbers'));
    const links = variant === 'mesh' ? (count * (count - 1)) / 2 : count - 1;
    await Promise.all(nodes.map((node, index) => connected(node, linksOf(variant, index, count))));
    await write(tables, keysOf(2000, 5));
    const before = await received(nodes);
    const spent = stopwatch();
    await write(tables, keysOf(OPERATIONS));
    const { cpuUs, wallUs } = spent();
    const crossings = ((await received(nodes)) - before) / OPERATIONS / links;
    await Promise.all(nodes.map((node) => node.close()));
    return {
      crossings,
      cpu: cpuUs / OPERATIONS,
      cpuPerCopy: cpuUs / OPERATIONS / count,
      rate: OPERATIONS / (wallUs / 1e6),
    };
  };
}

function linksOf(variant: string, index: number, count: number): number {
  return variant === 'mesh' || index === 0 ? count - 1 : 1;
}

async function connected(node: TableNode, links: number): Promise<void> {
  await firstValueFrom(
    node.peers.pipe(filter((peers) => peers.filter(({ state }) => state === 'connected').length >= links)),
  );
}

async function write(tables: readonly NumberTable[], keys: readonly string[]): Promise<void> {
  const [first] = tables as [NumberTable];
  for (const [index, key] of keys.entries()) {
    first.set(key, valueOf(index));
    if (index % 1000 === 999) await turn();
  }
  const last = keys.at(-1) as string;
  while (tables.some((table) => !table.has(last))) await turn();
}

async function received(nodes: readonly TableNode[]): Promise<number> {
  const states = await Promise.all(nodes.map((node) => firstValueFrom(node.peers)));
  return states.flat().reduce((sum, { receivedOperations }) => sum + receivedOperations, 0);
}
