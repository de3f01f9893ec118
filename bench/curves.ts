import { existsSync, mkdirSync } from 'node:fs';
import { filter, firstValueFrom } from 'rxjs';
import { pause, stopwatch } from './clock.ts';
import type { Contest, Measure, Metric, Target } from './contest.ts';
import { KEYS, keysOf, orderOf, valueOf } from './data.ts';
import { type NumberTable, declare, product } from './product.ts';
import { CountingProxy } from './proxy.ts';

const module = 'curves';
const UPDATES = 200_000;

const WRITE: Metric = { name: 'cpu', label: 'CPU', unit: 'µs/op', steady: true };
const WALL: Metric = { name: 'wall', label: 'time', unit: 'ms' };
const BYTES: Metric = { name: 'bytes', label: 'handshake', unit: 'B', steady: true };

/** A cost at growing sizes; `most`: how many times the first the last one may be, where it must not grow. */
function curve(
  [name, title]: readonly [string, string],
  metric: Metric,
  { sizes, unit, most }: { sizes: readonly number[]; unit: string; most?: number },
): Contest {
  const label = (size: number): string => `${size.toLocaleString('en')} ${unit}`;
  const contestants = sizes.map((size) => ({
    name: label(size),
    kind: 'ours' as const,
    module,
    export: name,
    variant: String(size),
  }));
  const [first, last] = [sizes[0] as number, sizes.at(-1) as number].map(label);
  const goals =
    most === undefined
      ? []
      : [
          {
            text: `≤ ${most}x`,
            metric: metric.name,
            of: last as string,
            over: first as string,
            atMost: most,
          },
        ];
  return { name, title, metrics: [metric], contestants, goals, maxRounds: 3, slow: true };
}

export const curves: Target = {
  id: 'CURVES',
  title: 'What costs grow with',
  contests: [
    curve(['afterHistory', 'write cost after a history of'], WRITE, {
      sizes: [100_000, 1_000_000, 4_000_000],
      unit: 'operations',
      most: 1.3,
    }),
    curve(['besideTables', 'write cost beside idle tables'], WRITE, {
      sizes: [1, 100, 1000],
      unit: 'tables',
      most: 1.3,
    }),
    curve(['toSubscribers', 'write cost with subscribers'], WRITE, {
      sizes: [0, 1, 4, 16],
      unit: 'subscribers',
    }),
    curve(['restart', 'restart with rows'], WALL, { sizes: [1000, 10_000, 100_000, 300_000], unit: 'rows' }),
    curve(['handshake', 'bytes to reconnect two equal nodes'], BYTES, {
      sizes: [100, 10_000, 100_000],
      unit: 'rows',
      most: 1.3,
    }),
  ],
};

/** Updates at random over a table that holds every key; microseconds of CPU each. */
async function updateCost(table: NumberTable, settle: () => Promise<void>): Promise<number> {
  const keys = keysOf(KEYS);
  const order = orderOf(UPDATES, KEYS);
  for (const [index, key] of keys.entries()) table.set(key, valueOf(index));
  for (const at of order) table.set(keys[at] as string, 1);
  await settle();
  const spent = stopwatch();
  for (const [index, at] of order.entries()) table.set(keys[at] as string, valueOf(index));
  await settle();
  return spent().cpuUs / UPDATES;
}

export function afterHistory(variant: string): Measure {
  return async ({ directory }) => {
    const { openNode } = await product();
    const node = await openNode({ id: 'bench', directory, durability: 'interval' });
    const table = declare(node, 'numbers', { backend: 'sqlite' });
    const keys = keysOf(KEYS);
    for (let index = 0; index < Number(variant); index++) {
      table.set(keys[index % KEYS] as string, valueOf(index));
      if (index % KEYS === KEYS - 1) await node.flush();
    }
    const cpu = await updateCost(table, () => node.flush());
    await node.close();
    return { cpu };
  };
}

export function besideTables(variant: string): Measure {
  return async () => {
    const { openNode } = await product();
    const node = await openNode({ id: 'bench' });
    for (let index = 1; index < Number(variant); index++) declare(node, `idle${index}`).set('key', 1);
    const cpu = await updateCost(declare(node, 'numbers'), () => node.flush());
    await node.close();
    return { cpu };
  };
}

export function toSubscribers(variant: string): Measure {
  return async () => {
    const { openNode } = await product();
    const node = await openNode({ id: 'bench' });
    const table = declare(node, 'numbers');
    let sum = 0;
    for (let index = 0; index < Number(variant); index++) {
      table.changes.subscribe((change) => {
        sum += change.value as number;
      });
    }
    const cpu = await updateCost(table, () => node.flush());
    await node.close();
    if (Number(variant) > 0 && sum === 0) throw new Error('The subscribers were told of nothing.');
    return { cpu };
  };
}

/** The first opening writes and closes; the second one is timed. The process is warm, as nothing but growth is asked. */
export function restart(variant: string): Measure {
  return async ({ directory }) => {
    const { openNode } = await product();
    const keys = keysOf(Number(variant));
    const first = await openNode({ id: 'bench', directory });
    const table = declare(first, 'numbers', { backend: 'sqlite' });
    for (const [index, key] of keys.entries()) table.set(key, valueOf(index));
    await first.close();
    const spent = stopwatch();
    const second = await openNode({ id: 'bench', directory });
    const { size } = declare(second, 'numbers', { backend: 'sqlite' });
    const { wallUs } = spent();
    await second.close();
    if (size !== keys.length) throw new Error(`${size} rows came back.`);
    return { wall: wallUs / 1000 };
  };
}

export function handshake(variant: string): Measure {
  return async ({ directory }) => {
    const { openNode } = await product();
    for (const name of ['a', 'b']) if (!existsSync(`${directory}/${name}`)) mkdirSync(`${directory}/${name}`);
    const a = await openNode({ id: 'a', directory: `${directory}/a`, listen: { port: 0 } });
    const proxy = new CountingProxy(a.address as string);
    const b = await openNode({ id: 'b', directory: `${directory}/b`, peers: [await proxy.listen()] });
    const [table, copy] = [a, b].map((node) => declare(node, 'numbers', { backend: 'sqlite' })) as [
      NumberTable,
      NumberTable,
    ];
    for (const [index, key] of keysOf(Number(variant)).entries()) table.set(key, valueOf(index));
    while (copy.size < Number(variant)) await pause(20);
    await Promise.all([a.flush(), b.flush()]);
    await pause(500);
    const state = (wanted: boolean) =>
      filter(([peer]: readonly { state: string }[]) => (peer?.state === 'connected') === wanted);
    proxy.cut();
    await firstValueFrom(b.peers.pipe(state(false)));
    const before = proxy.bytes;
    await firstValueFrom(b.peers.pipe(state(true)));
    await pause(300);
    const bytes = proxy.bytes - before;
    await b.close();
    await a.close();
    proxy.close();
    return { bytes };
  };
}
