import { stopwatch, turn } from './clock.ts';
import { CPU, type Contest, type Measure, type Metric, RATE, type Target } from './contest.ts';
import { KEYS, keysOf, valueOf } from './data.ts';
import type { Link } from './link-types.ts';
import { linkMeasures, own, peerLink } from './p05-replication.ts';
import { bareStream, carriedLink, carriedNodes } from './stream.ts';

const module = 'p22-carrier';
const SERVER = { what: 'program', name: 'nats-server' } as const;
const KV = [{ what: 'package', name: '@nats-io/kv' } as const, SERVER];

const BULK: readonly Metric[] = [
  RATE,
  { ...CPU, label: 'CPU, all processes' },
  { name: 'writerCpu', label: 'writer', unit: 'µs/op' },
  { name: 'readerCpu', label: 'reader', unit: 'µs/op' },
  { name: 'serverCpu', label: 'server', unit: 'µs/op' },
];
const LATENCY: readonly Metric[] = [
  { name: 'p50', label: 'p50', unit: 'ms' },
  { name: 'p99', label: 'p99', unit: 'ms' },
];
const JOIN: readonly Metric[] = [
  { name: 'wall', label: 'until equal', unit: 'ms' },
  { name: 'cpu', label: 'CPU, all processes', unit: 'ms', steady: true },
];
const OPERATIONS = 50_000;
const READERS = 10;

const LINKS: ReadonlyMap<string, Link> = new Map([
  ['messages of 1000', bareStream(1000)],
  ['messages of 1000, read by both', bareStream(1000, { readsBack: true })],
  ['messages of 1', bareStream(1)],
  ['messages of 1, as a node', bareStream(1, { readsBack: true, isChecked: true })],
  ['sqlite', carriedLink('sqlite')],
  ['memory', carriedLink('memory')],
  ['memory, compiled early', carriedLink('memory', true)],
]);

function linkOf(variant: string): Link {
  const link = LINKS.get(variant);
  if (link === undefined) throw new Error(`There is no link ${variant}.`);
  return link;
}

const here = (...contestant: Parameters<typeof own>): Contest['contestants'][number] => ({
  ...own(...contestant),
  module,
  needs: [SERVER],
});

const bare = here('JetStream messages of 1,000', 'floor', ['bulk', 'messages of 1000']);
const kv = peerLink('nats kv', 'nats', { export: 'bulk', variant: '1', needs: KV });
const bareOne = here('one JetStream message', 'floor', ['latency', 'messages of 1']);

export const p22: Target = {
  id: 'P22',
  title: 'Nodes at a NATS server',
  contests: [
    {
      name: 'carried',
      title: '100,000 single sets of new keys from one node to another',
      metrics: BULK,
      maxRounds: 3,
      contestants: [
        bare,
        here('the same, read by who writes too', 'floor', ['bulk', 'messages of 1000, read by both']),
        here('tablecast', 'ours', ['bulk', 'memory']),
        here('tablecast sqlite', 'ours', ['bulk', 'sqlite']),
        kv,
      ],
      goals: [
        {
          text: `≥ 0.7x the rate of ${bare.name}`,
          metric: 'rate',
          of: 'tablecast',
          over: bare.name,
          atLeast: 0.7,
        },
        { text: `≥ 20x the rate of ${kv.name}`, metric: 'rate', of: 'tablecast', over: kv.name, atLeast: 20 },
      ],
    },
    {
      name: 'latency',
      title: 'one write at a time, 3 ms apart, until the other node tells of it',
      metrics: LATENCY,
      maxRounds: 3,
      contestants: [
        bareOne,
        here('the same, named, checked and read by both', 'floor', ['latency', 'messages of 1, as a node']),
        here('tablecast', 'ours', ['latency', 'memory']),
        here('tablecast, compiled early', 'ours', ['latency', 'memory, compiled early']),
      ],
      goals: [
        {
          text: `p50 ≤ 1.3x ${bareOne.name}`,
          metric: 'p50',
          of: 'tablecast',
          over: bareOne.name,
          atMost: 1.3,
        },
      ],
    },
    {
      name: 'join',
      title: 'a node comes to 100,000 rows',
      metrics: JOIN,
      maxRounds: 3,
      contestants: [
        here('JetStream messages of 1,000', 'floor', ['lateJoin', 'messages of 1000']),
        here('tablecast', 'ours', ['lateJoin', 'sqlite']),
      ],
      goals: [],
    },
    {
      name: 'ten',
      title: '50,000 single sets from one node to ten, all in one process',
      metrics: [RATE, CPU],
      maxRounds: 3,
      contestants: [here('tablecast', 'ours', ['ten', 'ten'])],
      goals: [],
    },
  ],
};

export const { bulk, latency, lateJoin, reader } = linkMeasures(module, linkOf, () => ({
  bulk: { operations: KEYS, keys: KEYS, batch: 1 },
  history: { operations: KEYS, keys: KEYS, batch: 1 },
}));

/** Measures from the first write until the last reader was told of the last. */
export function ten(): Measure {
  return async ({ directory }) => {
    const { tables, close } = await carriedNodes(directory, READERS);
    const [writer, ...readers] = tables;
    const last = valueOf(OPERATIONS - 1);
    const told = readers.map(
      (table) =>
        new Promise<void>((resolve) => {
          table.changes.subscribe(({ value }) => {
            if (value === last) resolve();
          });
        }),
    );
    const keys = keysOf(OPERATIONS);
    const spent = stopwatch();
    for (let index = 0; index < OPERATIONS; index++) {
      writer?.set(keys[index] as string, valueOf(index));
      if ((index + 1) % 1000 === 0) await turn();
    }
    await Promise.all(told);
    const { cpuUs, wallUs } = spent();
    await close();
    return { rate: OPERATIONS / (wallUs / 1e6), cpu: cpuUs / OPERATIONS };
  };
}
