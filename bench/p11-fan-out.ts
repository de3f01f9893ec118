import { filter, firstValueFrom } from 'rxjs';
import type { TableNode } from 'tablecast';
import { pause, stopwatch, turn } from './clock.ts';
import type { Measure, Metric, Target } from './contest.ts';
import { keysOf, valueOf } from './data.ts';
import { type NumberTable, declare, product } from './product.ts';
import { CountingProxy } from './proxy.ts';

const module = 'p11-fan-out';
const METRICS: readonly Metric[] = [
  { name: 'crossings', label: 'bytes per link, 1 = once', unit: '' },
  { name: 'busiest', label: 'busiest link', unit: '' },
  { name: 'cpu', label: 'CPU, all nodes', unit: 'µs/op' },
  { name: 'cpuPerCopy', label: 'CPU per copy', unit: 'µs/op', steady: true },
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
      note: 'What a counting proxy on every link saw, divided by what one link of two nodes carries; a tenth of tolerance for acknowledgements. CPU is measured without proxies.',
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
        { text: 'star: at most once per link', metric: 'busiest', of: 'star', atMost: 1.1 },
        { text: 'mesh: at most once per link', metric: 'busiest', of: 'full mesh', atMost: 1.1 },
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
    const plain = await spread(variant, false);
    const counted = await spread(variant, true);
    const single = variant === 'link' ? counted : await spread('link', true);
    const perLink = single.bytes[0] as number;
    const { nodes } = plain;
    return {
      crossings: counted.bytes.reduce((sum, bytes) => sum + bytes, 0) / counted.bytes.length / perLink,
      busiest: Math.max(...counted.bytes) / perLink,
      cpu: plain.cpuUs / OPERATIONS,
      cpuPerCopy: plain.cpuUs / OPERATIONS / nodes,
      rate: OPERATIONS / (plain.wallUs / 1e6),
    };
  };
}

interface Spread {
  readonly nodes: number;
  /** What each link carried, both ways, if it was counted. */
  readonly bytes: readonly number[];
  readonly cpuUs: number;
  readonly wallUs: number;
}

/** Opens nodes, writes at the first one until all have everything, and closes them. */
async function spread(variant: string, counting: boolean): Promise<Spread> {
  const { openNode } = await product();
  const count = variant === 'link' ? 2 : NODES;
  const nodes: TableNode[] = [];
  const proxies: CountingProxy[] = [];
  for (let index = 0; index < count; index++) {
    const others = nodes.slice(0, variant === 'mesh' ? index : 1).map(({ address }) => address as string);
    const peers = counting ? await Promise.all(others.map((address) => proxied(address, proxies))) : others;
    nodes.push(await openNode({ id: `n${index}`, listen: { port: 0 }, peers }));
  }
  const tables = nodes.map((node) => declare(node, 'numbers'));
  await Promise.all(nodes.map((node, index) => connected(node, linksOf(variant, index, count))));
  await write(tables, keysOf(5000, 5));
  await pause(300);
  const before = proxies.map(({ bytes }) => bytes);
  const spent = stopwatch();
  await write(tables, keysOf(OPERATIONS));
  const { cpuUs, wallUs } = spent();
  await pause(300);
  const bytes = proxies.map((proxy, index) => proxy.bytes - (before[index] as number));
  await Promise.all(nodes.map((node) => node.close()));
  for (const proxy of proxies) proxy.close();
  return { nodes: count, bytes, cpuUs, wallUs };
}

async function proxied(address: string, proxies: CountingProxy[]): Promise<string> {
  const proxy = new CountingProxy(address);
  proxies.push(proxy);
  return proxy.listen();
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
