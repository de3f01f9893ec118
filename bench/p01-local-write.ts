import { Subject } from 'rxjs';
import { type Contestant, type Measure, type Metric, type Setting, type Target } from './contest.ts';
import { KEYS } from './data.ts';
import { type LocalLoad, type LocalTable, measureLocal } from './local.ts';
import { declare, product } from './product.ts';

const METRICS: readonly Metric[] = [
  { name: 'insert', label: 'insert CPU', unit: 'µs/op', steady: true },
  { name: 'update', label: 'update CPU', unit: 'µs/op', steady: true },
  { name: 'insertRate', label: 'inserts', unit: 'op/s', larger: true },
  { name: 'updateRate', label: 'updates', unit: 'op/s', larger: true },
];

const module = 'p01-local-write';

const floor: Contestant = { name: 'Map.set', kind: 'floor', module, export: 'mapSet' };
const subject: Contestant = { name: 'Map.set + Subject', kind: 'floor', module, export: 'floorSubject' };

function peer(name: string, file: string, variant: string, packages: readonly string[]): Contestant {
  const needs = packages.map((wanted) => ({ what: 'package', name: wanted }) as const);
  return {
    name,
    kind: 'peer',
    module: `peers/${file}`,
    export: 'local',
    variant,
    needs,
    slow: file !== 'yjs',
  };
}

export const p01: Target = {
  id: 'P1',
  title: 'Local write with one change subscriber',
  contests: [
    {
      name: 'subscribed',
      title: 'set() on a memory table, logged, one subscriber that reads key and value',
      metrics: METRICS,
      contestants: [
        floor,
        subject,
        { name: 'tablecast', kind: 'ours', module, export: 'subscribed' },
        peer('yjs, 1 per transaction', 'yjs', '1', ['yjs']),
        peer('yjs, 1000 per transaction', 'yjs', '1000', ['yjs']),
        peer('tinybase', 'tinybase', '1', ['tinybase']),
        peer('tinybase, 1000 per transaction', 'tinybase', '1000', ['tinybase']),
        peer('loro, 1000 per commit', 'loro', '1000', ['loro-crdt']),
        peer('rxdb memory', 'rxdb', '1', ['rxdb']),
        peer('automerge, 1000 per change', 'automerge', '1000', ['@automerge/automerge']),
      ],
      goals: [
        { text: 'insert ≤ 3x Map.set', metric: 'insert', of: 'tablecast', over: 'Map.set', atMost: 3 },
        { text: 'update ≤ 1.7x Map.set', metric: 'update', of: 'tablecast', over: 'Map.set', atMost: 1.7 },
        ...against('yjs, 1 per transaction', 7),
        ...against('yjs, 1000 per transaction', 3),
        ...against('tinybase', 15),
        ...against('rxdb memory', 50),
      ],
    },
  ],
};

export const p02: Target = {
  id: 'P2',
  title: 'Local write without a subscriber',
  contests: [
    {
      name: 'unsubscribed',
      title: 'set() on a memory table, logged, nobody subscribed',
      metrics: METRICS,
      contestants: [
        floor,
        { name: 'Map.set + 50 multiplications', kind: 'floor', module, export: 'mapSetApart' },
        { name: 'tablecast', kind: 'ours', module, export: 'unsubscribed' },
      ],
      goals: [
        { text: 'insert ≤ 2.2x Map.set', metric: 'insert', of: 'tablecast', over: 'Map.set', atMost: 2.2 },
        { text: 'update ≤ 1.4x Map.set', metric: 'update', of: 'tablecast', over: 'Map.set', atMost: 1.4 },
      ],
    },
  ],
};

function against(over: string, times: number): Target['contests'][number]['goals'] {
  return ['insert', 'update'].map((metric) => ({
    text: `${metric} ≥ ${times}x cheaper than ${over}`,
    metric,
    of: over,
    over: 'tablecast',
    atLeast: times,
  }));
}

/** Sums up what a subscriber reads, so that reading cannot be optimised away. */
export class Reading {
  sum = 0;
  count = 0;
  read(key: string, value: number): void {
    this.count++;
    this.sum += key.length + value;
  }
}

function load({ quick }: Setting): LocalLoad {
  return { keys: KEYS, tables: quick ? 2 : 5, updates: quick ? 300_000 : 1_000_000, batch: 1 };
}

function mapTable(rows: Map<string, number>): LocalTable {
  return {
    set: (key, value) => {
      rows.set(key, value);
    },
  };
}

export const mapSet: Measure = (setting) => measureLocal(() => mapTable(new Map()), load(setting));

/**
 * The floor with 50 dependent multiplications, about 50 ns, between two writes: far apart enough that the
 * processor does not look up the next key while it still waits for the memory of the present one.
 */
export const mapSetApart: Measure = (setting) => {
  let mixed = 1;
  return measureLocal(() => {
    const rows = new Map<string, number>();
    return {
      set: (key, value) => {
        rows.set(key, value);
        for (let step = 0; step < 50; step++) mixed = Math.imul(mixed ^ step, 0x9e3779b1);
      },
    };
  }, load(setting)).then((sample) => (mixed === 0 ? { ...sample, mixed } : sample));
};

export const floorSubject: Measure = (setting) => {
  const reading = new Reading();
  return measureLocal(() => {
    const rows = new Map<string, number>();
    const changes = new Subject<{ key: string; value: number }>();
    changes.subscribe(({ key, value }) => reading.read(key, value));
    return {
      set: (key, value) => {
        rows.set(key, value);
        changes.next({ key, value });
      },
    };
  }, load(setting));
};

export const subscribed: Measure = (setting) => ours(setting, { subscribers: 1 });
export const unsubscribed: Measure = (setting) => ours(setting, { subscribers: 0 });

/** Ours, also for P15: `mode` names another conflict mode. */
export async function ours(
  setting: Setting,
  { subscribers, mode }: { subscribers: number; mode?: string | undefined },
): Promise<Awaited<ReturnType<Measure>>> {
  const { openNode } = await product();
  const node = await openNode({ id: 'bench' });
  const reading = new Reading();
  const result = await measureLocal((index) => {
    const table = declare(node, `t${index}`, { mode });
    for (let count = 0; count < subscribers; count++) {
      table.changes.subscribe((change) => reading.read(change.key, change.value as number));
    }
    return {
      set: (key, value) => {
        table.set(key, value);
      },
      settle: () => node.flush(),
    };
  }, load(setting));
  if (subscribers === 1 && reading.count === 0) throw new Error('The subscriber was told of nothing.');
  await node.close();
  return result;
}
