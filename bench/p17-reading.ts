import { stopwatch } from './clock.ts';
import type { Contest, Measure, Sample, Setting, Target } from './contest.ts';
import { KEYS, keysOf, orderOf, valueOf } from './data.ts';
import { product } from './product.ts';

const module = 'p17-reading';

/** What a table of numbers and a Map have in common for those who read. */
interface Read<K> {
  get(key: K): number | undefined;
  has(key: K): boolean;
  keys(): Iterable<unknown>;
  values(): Iterable<number>;
  forEach(visit: (value: number) => void): void;
  [Symbol.iterator](): Iterator<[unknown, number]>;
}

/** Sums up what is read, so that reading cannot be optimised away. */
let sum = 0;

const TIMES = 20;

const looksOf = ({ quick }: Setting): number => (quick ? 300_000 : 1_000_000);

function looks<K>(rows: Read<K>, setting: Setting, keyAt: (index: number) => K): Sample {
  const order = orderOf(looksOf(setting), KEYS);
  const look = (read: (key: K) => number): number => {
    for (let index = 0; index < order.length / 4; index++) sum += read(keyAt(order[index] as number));
    const took = stopwatch();
    for (const index of order) sum += read(keyAt(index));
    return (took().cpuUs * 1000) / order.length;
  };
  return { get: look((key) => rows.get(key) as number), has: look((key) => Number(rows.has(key))) };
}

function walks(rows: Read<unknown>): Sample {
  const perRow = (walk: () => void): number => {
    walk();
    const took = stopwatch();
    for (let round = 0; round < TIMES; round++) walk();
    return (took().cpuUs * 1000) / (KEYS * TIMES);
  };
  return {
    iterate: perRow(() => {
      for (const [, value] of rows as Iterable<[unknown, number]>) sum += value;
    }),
    keys: perRow(() => {
      for (const key of rows.keys()) sum += (key as string).length;
    }),
    values: perRow(() => {
      for (const value of rows.values()) sum += value;
    }),
    forEach: perRow(() => rows.forEach((value) => (sum += value))),
  };
}

const addresses = (): string[] =>
  Array.from({ length: KEYS }, (_, at) => `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`);
const ports = (): string[] => Array.from({ length: KEYS }, (_, at) => `${at % 60_000}/tcp`);

function filled<K>(keys: readonly K[]): Map<K, number> {
  const rows = new Map<K, number>();
  for (const [at, key] of keys.entries()) rows.set(key, valueOf(at));
  return rows;
}

async function table(key: unknown, keys: readonly unknown[]): Promise<Read<unknown>> {
  const { openNode } = await product();
  const node = await openNode({ id: 'bench' });
  const rows = node.table('numbers', { key: key as 'string', value: 'double', backend: 'memory' });
  for (const [at, one] of keys.entries()) rows.set(one as string, valueOf(at));
  await node.flush();
  return rows;
}

const textsOf = (kind: string): string[] => (kind === 'addr' ? addresses() : keysOf(KEYS));

/** Look-ups of one column; `kind` is its type. */
export const mapOfTexts =
  (kind: string): Measure =>
  (setting) => {
    const keys = textsOf(kind);
    return Promise.resolve(looks(filled(keys), setting, (at) => keys[at] as string));
  };
export const tableOfTexts =
  (kind: string): Measure =>
  async (setting) => {
    const keys = textsOf(kind);
    return looks(await table(kind, keys), setting, (at) => keys[at]);
  };

/** Look-ups by address and port; a Map has them joined in one text, which its user has to do. */
export const mapOfPairs: Measure = (setting) => {
  const [first, second] = [addresses(), ports()];
  const joined = first.map((address, at) => `${address},${second[at] ?? ''}`);
  return Promise.resolve(looks(filled(joined), setting, (at) => `${first[at] ?? ''},${second[at] ?? ''}`));
};
export const tableOfPairs: Measure = async (setting) => {
  const [first, second] = [addresses(), ports()];
  const pairs = first.map((address, at) => [address, second[at]]);
  return looks(await table(['addr', 'port'], pairs), setting, (at) => [first[at], second[at]]);
};

export const mapWalked: Measure = () => Promise.resolve(walks(filled(keysOf(KEYS)) as Read<unknown>));
export const tableWalked: Measure = async () => walks(await table('string', keysOf(KEYS)));

const cpu = (name: string) => ({ name, label: `${name} CPU`, unit: 'ns', steady: true });

function looked(name: string, title: string, times: number): Contest {
  const [map, ours] = name === 'pairs' ? ['mapOfPairs', 'tableOfPairs'] : ['mapOfTexts', 'tableOfTexts'];
  const variant = name === 'pairs' ? undefined : name;
  return {
    name,
    title,
    metrics: ['get', 'has'].map(cpu),
    contestants: [
      { name: 'Map', kind: 'floor', module, export: map, variant },
      { name: 'tablecast', kind: 'ours', module, export: ours, variant },
    ],
    goals: ['get', 'has'].map((metric) => atMost(metric, times)),
  };
}

function atMost(metric: string, times: number): Contest['goals'][number] {
  return { text: `${metric} ≤ ${times}x Map`, metric, of: 'tablecast', over: 'Map', atMost: times };
}

const WALKS = ['iterate', 'keys', 'values', 'forEach'];

export const p17: Target = {
  id: 'P17',
  title: 'Reading',
  contests: [
    looked('string', 'look-ups of 100,000 texts in random order', 1.5),
    looked('addr', 'look-ups of 100,000 addresses in random order', 1.5),
    looked('pairs', 'look-ups by address and port; the Map joins them in one text', 3),
    {
      name: 'walks',
      title: 'walking through 100,000 rows, per row',
      metrics: WALKS.map(cpu),
      contestants: [
        { name: 'Map', kind: 'floor', module, export: 'mapWalked' },
        { name: 'tablecast', kind: 'ours', module, export: 'tableWalked' },
      ],
      goals: WALKS.map((metric) => atMost(metric, 2.5)),
    },
  ],
};
