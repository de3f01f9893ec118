import {
  CPU,
  type Contest,
  type Contestant,
  type Goal,
  type Measure,
  type Metric,
  RATE,
  type Setting,
  type Target,
} from './contest.ts';
import { KEYS } from './data.ts';
import { frames } from './frames.ts';
import { readerOf } from './link-reader.ts';
import type { Link } from './link-types.ts';
import { type LinkLoad, measureBulk, measureLateJoin, measureLatency } from './link.ts';
import { ourLink } from './our-link.ts';

const module = 'p05-replication';

const BULK: readonly Metric[] = [
  { ...CPU, label: 'CPU, all processes' },
  RATE,
  { name: 'writerCpu', label: 'writer', unit: 'µs/op' },
  { name: 'readerCpu', label: 'reader', unit: 'µs/op' },
  { name: 'serverCpu', label: 'server', unit: 'µs/op' },
];
const LATENCY: readonly Metric[] = [
  { name: 'p50', label: 'p50', unit: 'ms' },
  { name: 'p99', label: 'p99', unit: 'ms' },
];
const JOIN: readonly Metric[] = [
  { name: 'cpu', label: 'CPU, all processes', unit: 'ms', steady: true },
  { name: 'wall', label: 'until equal', unit: 'ms' },
  { name: 'writerCpu', label: 'writer', unit: 'ms' },
  { name: 'readerCpu', label: 'reader', unit: 'ms' },
  { name: 'changes', label: 'changes told', unit: '' },
];

const LINKS: ReadonlyMap<string, Link> = new Map([
  ['frames of 1000', frames(1000)],
  ['frames of 1', frames(1)],
  ['sqlite', ourLink({ backend: 'sqlite' })],
  ['memory', ourLink({ backend: 'memory' })],
  ['memory, compiled early', ourLink({ backend: 'memory', early: true })],
  ['memory over a socket', ourLink({ backend: 'memory', local: true })],
  ['lww', ourLink({ backend: 'sqlite', mode: 'lww' })],
  ['automerge', ourLink({ backend: 'memory', mode: 'automerge' })],
]);

/** One side of a contest of links: how it is measured is the contest's, how it replicates the contestant's. */
export function own(
  name: string,
  kind: 'floor' | 'ours',
  [how, link]: readonly [string, string],
): Contestant {
  return { name, kind, module, export: how, variant: link };
}

const raw = own('ws frames of 1,000', 'floor', ['bulk', 'frames of 1000']);

function cheaper(over: string, times: number): Goal {
  return {
    text: `≥ ${times}x cheaper than ${over}`,
    metric: 'cpu',
    of: over,
    over: 'tablecast',
    atLeast: times,
  };
}

function atMost(metric: string, over: string, ratio: number): Goal {
  return { text: `${metric} ≤ ${ratio}x ${over}`, metric, of: 'tablecast', over, atMost: ratio };
}

/** A peer in contests of links. */
export function peerLink(
  name: string,
  file: string,
  how: { readonly variant: string; readonly export: string; readonly needs: Contestant['needs'] },
): Contestant {
  const slow = how.export === 'lateJoin' || !['yjs', 'redis'].includes(file);
  return { name, kind: 'peer', module: `peers/${file}`, slow, ...how };
}

const npm = (...names: string[]): NonNullable<Contestant['needs']> =>
  names.map((name) => ({ what: 'package', name }) as const);
const YJS = npm('yjs', 'y-websocket', 'y-protocols');
const REDIS = [...npm('ioredis'), { what: 'program', name: 'redis-server' } as const];
const NATS = [...npm('@nats-io/kv'), { what: 'program', name: 'nats-server' } as const];

const peersOfBulk: readonly Contestant[] = [
  peerLink('y-websocket', 'yjs', { export: 'bulk', variant: '1', needs: YJS }),
  peerLink('y-websocket, 1000 per transaction', 'yjs', { export: 'bulk', variant: '1000', needs: YJS }),
  peerLink('redis stream', 'redis', { export: 'bulk', variant: '1', needs: REDIS }),
  peerLink('nats kv', 'nats', { export: 'bulk', variant: '1', needs: NATS }),
  peerLink('loro over ws, 1000 per commit', 'loro', {
    export: 'bulk',
    variant: '1000',
    needs: npm('loro-crdt'),
  }),
  peerLink('tinybase', 'tinybase', { export: 'bulk', variant: '1', needs: npm('tinybase') }),
  peerLink('rxdb', 'rxdb', { export: 'bulk', variant: '1', needs: npm('rxdb') }),
  peerLink('automerge-repo', 'automerge', {
    export: 'bulk',
    variant: '1',
    needs: npm('@automerge/automerge-repo'),
  }),
];

const goalsOfPeers = [
  cheaper('y-websocket', 12),
  cheaper('y-websocket, 1000 per transaction', 2.5),
  cheaper('redis stream', 9),
  cheaper('nats kv', 50),
];

function bulkContest(name: string, link: string, title: string): Contest {
  return {
    name,
    title,
    metrics: BULK,
    contestants: [raw, own('tablecast', 'ours', ['bulk', link])],
    goals: [
      atMost('cpu', raw.name, link === 'memory' ? 1.8 : 2.2),
      {
        text: `≥ 0.5x the rate of ${raw.name}`,
        metric: 'rate',
        of: 'tablecast',
        over: raw.name,
        atLeast: 0.5,
      },
    ],
  };
}

const thousands = bulkContest('100k', 'sqlite', '100,000 single sets of new keys, sqlite at both ends');
const million = bulkContest(
  '1M',
  'sqlite',
  '1,000,000 single sets over 100,000 keys (--quick: 200,000), sqlite at both ends',
);

export const p05: Target = {
  id: 'P5',
  title: 'Replication A to B over loopback WebSocket, sqlite',
  contests: [
    {
      ...thousands,
      contestants: [...thousands.contestants, ...peersOfBulk],
      goals: [...thousands.goals, ...goalsOfPeers],
    },
    { ...million, contestants: million.contestants.map((one) => ({ ...one, export: 'bulkMillion' })) },
  ],
};

export const p06: Target = {
  id: 'P6',
  title: 'Replication A to B over loopback WebSocket, memory',
  contests: [bulkContest('memory', 'memory', '100,000 single sets of new keys, memory at both ends')],
};

const rawMessage = own('one ws message', 'floor', ['latency', 'frames of 1']);

export const p07: Target = {
  id: 'P7',
  title: "Latency of a single set until the other node's change event, idle",
  contests: [
    {
      name: 'latency',
      title: 'one write at a time, 3 ms apart',
      metrics: LATENCY,
      contestants: [
        rawMessage,
        own('tablecast', 'ours', ['latency', 'memory']),
        own('tablecast sqlite', 'ours', ['latency', 'sqlite']),
        own('tablecast, compiled early', 'ours', ['latency', 'memory, compiled early']),
        own('tablecast over a Unix socket', 'ours', ['latency', 'memory over a socket']),
        peerLink('y-websocket', 'yjs', { export: 'latency', variant: '1', needs: YJS }),
        peerLink('redis stream', 'redis', { export: 'latency', variant: '1', needs: REDIS }),
        peerLink('nats kv', 'nats', { export: 'latency', variant: '1', needs: NATS }),
        peerLink('tinybase', 'tinybase', { export: 'latency', variant: '1', needs: npm('tinybase') }),
        peerLink('rxdb', 'rxdb', { export: 'latency', variant: '1', needs: npm('rxdb') }),
      ],
      goals: [
        atMost('p50', rawMessage.name, 1.5),
        {
          ...atMost('p50', rawMessage.name, 3),
          of: 'tablecast sqlite',
          text: 'sqlite p50 ≤ 3x one ws message',
        },
        {
          ...atMost('p50', rawMessage.name, 1),
          of: 'tablecast over a Unix socket',
          text: 'p50 over a Unix socket ≤ 1x one ws message over TCP',
        },
        { text: 'p99 ≤ y-websocket', metric: 'p99', of: 'tablecast', over: 'y-websocket', atMost: 1 },
        ...['redis stream', 'nats kv', 'tinybase', 'rxdb'].map((over) => ({ ...atMost('p50', over, 1) })),
      ],
    },
  ],
};

const rawRows = own('ws transfer of the rows', 'floor', ['lateJoin', 'frames of 1000']);

export const p08: Target = {
  id: 'P8',
  title: 'Late joiner',
  contests: [
    {
      name: 'join',
      title: '100,000 rows after 1,000,000 operations (--quick: 300,000), until equal',
      metrics: JOIN,
      contestants: [
        rawRows,
        own('tablecast', 'ours', ['lateJoin', 'sqlite']),
        peerLink('y-websocket', 'yjs', { export: 'lateJoin', variant: '1000', needs: YJS }),
        peerLink('nats kv', 'nats', { export: 'lateJoin', variant: '1', needs: NATS }),
      ],
      goals: [
        atMost('cpu', rawRows.name, 1.6),
        { text: 'time ≤ 1.6x', metric: 'wall', of: 'tablecast', over: rawRows.name, atMost: 1.6 },
        cheaper('y-websocket', 3.5),
        cheaper('nats kv', 14),
      ],
    },
  ],
};

function linkOf(variant: string): Link {
  const link = LINKS.get(variant);
  if (link === undefined) throw new Error(`There is no link ${variant}.`);
  return link;
}

/** The four ways of measuring a link, as exports of a contestant's module. */
export interface LinkMeasures {
  readonly bulk: (variant: string) => Measure;
  readonly bulkMillion: (variant: string) => Measure;
  readonly bulkFew: (variant: string) => Measure;
  readonly latency: (variant: string) => Measure;
  readonly lateJoin: (variant: string) => Measure;
  readonly reader: (variant: string) => Measure;
}

/** Sizes at which a contestant is measured; the slow ones are given less. */
export interface LinkSizes {
  readonly bulk: LinkLoad;
  readonly history: LinkLoad;
}

/** Makes the measures of a module: its name, its links by variant, and its sizes. */
export function linkMeasures(
  name: string,
  link: (variant: string) => Link,
  sizes: (variant: string, setting: Setting) => LinkSizes,
): LinkMeasures {
  const names = (variant: string) => ({ module: name, name: 'reader', variant });
  return {
    bulk: (variant) => (setting) =>
      measureBulk(link(variant), names(variant), { setting, load: sizes(variant, setting).bulk }),
    bulkMillion: (variant) => (setting) =>
      measureBulk(link(variant), names(variant), {
        setting,
        load: { operations: setting.quick ? 200_000 : 1_000_000, keys: KEYS, batch: 1 },
      }),
    bulkFew: (variant) => (setting) =>
      measureBulk(link(variant), names(variant), {
        setting,
        load: { operations: setting.quick ? 10_000 : 50_000, keys: KEYS, batch: 1 },
      }),
    latency: (variant) => (setting) => measureLatency(link(variant), names(variant), setting),
    lateJoin: (variant) => (setting) =>
      measureLateJoin(link(variant), names(variant), { setting, load: sizes(variant, setting).history }),
    reader: (variant) => readerOf(link(variant)),
  };
}

const sizes = (_variant: string, { quick }: Setting): LinkSizes => ({
  bulk: { operations: KEYS, keys: KEYS, batch: 1 },
  // After fewer, a joiner is sent the operations themselves.
  history: { operations: quick ? 300_000 : 1_000_000, keys: KEYS, batch: 1 },
});

export const { bulk, bulkFew, bulkMillion, latency, lateJoin, reader } = linkMeasures(module, linkOf, sizes);
