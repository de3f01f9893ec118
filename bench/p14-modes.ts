import { CPU, type Contestant, type Measure, RATE, type Target } from './contest.ts';
import { measureLocal } from './local.ts';
import { Reading, ours as localOurs } from './p01-local-write.ts';
import { own, peerLink } from './p05-replication.ts';
import { declare, product } from './product.ts';

const module = 'p14-modes';
const AUTOMERGE = [{ what: 'mode', name: 'automerge' }] as const;
const LWW = [{ what: 'mode', name: 'lww' }] as const;

function needing(contestant: Contestant, needs: NonNullable<Contestant['needs']>): Contestant {
  return { ...contestant, needs };
}

const repo = [{ what: 'package', name: '@automerge/automerge-repo' }] as const;

export const p14: Target = {
  id: 'P14',
  title: 'Automerge mode',
  contests: [
    {
      name: 'local',
      title: 'local single sets, 20,000 keys',
      metrics: [
        { name: 'insert', label: 'insert CPU', unit: 'µs/op', steady: true },
        { name: 'update', label: 'update CPU', unit: 'µs/op', steady: true },
      ],
      contestants: [
        needing({ name: 'tablecast automerge', kind: 'ours', module, export: 'local' }, AUTOMERGE),
        {
          name: 'automerge, 1 per change, 1,000 keys',
          kind: 'peer',
          module: 'peers/automerge',
          export: 'local',
          variant: '1',
          slow: true,
          needs: [{ what: 'package', name: '@automerge/automerge' }],
        },
      ],
      goals: [
        { text: 'insert ≤ 100 µs', metric: 'insert', of: 'tablecast automerge', atMost: 100 },
        { text: 'update ≤ 100 µs', metric: 'update', of: 'tablecast automerge', atMost: 100 },
      ],
    },
    {
      name: 'replicated',
      title: 'single sets replicated, memory',
      metrics: [CPU, RATE],
      contestants: [
        needing(own('tablecast automerge', 'ours', ['bulkFew', 'automerge']), AUTOMERGE),
        peerLink('automerge-repo', 'automerge', { export: 'bulk', variant: '1', needs: repo }),
      ],
      goals: [
        { text: '≥ 12,000 op/s', metric: 'rate', of: 'tablecast automerge', atLeast: 12_000 },
        {
          text: '≥ 25x automerge-repo',
          metric: 'rate',
          of: 'tablecast automerge',
          over: 'automerge-repo',
          atLeast: 25,
        },
      ],
    },
    {
      name: 'latency',
      title: 'latency of a single set, idle',
      metrics: [
        { name: 'p50', label: 'p50', unit: 'ms' },
        { name: 'p99', label: 'p99', unit: 'ms' },
      ],
      contestants: [
        needing(own('tablecast automerge', 'ours', ['latency', 'automerge']), AUTOMERGE),
        peerLink('automerge-repo', 'automerge', { export: 'latency', variant: '1', needs: repo }),
      ],
      goals: [
        { text: 'p50 ≤ 1.5 ms', metric: 'p50', of: 'tablecast automerge', atMost: 1.5 },
        {
          text: '≥ 60x quicker than automerge-repo',
          metric: 'p50',
          of: 'automerge-repo',
          over: 'tablecast automerge',
          atLeast: 60,
        },
      ],
      slow: true,
    },
  ],
};

export const p15: Target = {
  id: 'P15',
  title: 'lww mode against naive',
  contests: [
    {
      name: 'local',
      title: 'local writes as in P1',
      metrics: [
        { name: 'insert', label: 'insert CPU', unit: 'µs/op', steady: true },
        { name: 'update', label: 'update CPU', unit: 'µs/op', steady: true },
      ],
      contestants: [
        { name: 'tablecast naive', kind: 'ours', module: 'p01-local-write', export: 'subscribed' },
        needing({ name: 'tablecast lww', kind: 'ours', module, export: 'lww' }, LWW),
      ],
      goals: ['insert', 'update'].map((metric) => ({
        text: `${metric} ≤ 1.2x naive`,
        metric,
        of: 'tablecast lww',
        over: 'tablecast naive',
        atMost: 1.2,
      })),
    },
    {
      name: 'replicated',
      title: 'replication as in P5, 1,000,000 operations',
      metrics: [CPU, RATE],
      contestants: [
        own('tablecast naive', 'ours', ['bulkMillion', 'sqlite']),
        needing(own('tablecast lww', 'ours', ['bulkMillion', 'lww']), LWW),
      ],
      goals: [
        {
          text: 'CPU ≤ 1.2x naive',
          metric: 'cpu',
          of: 'tablecast lww',
          over: 'tablecast naive',
          atMost: 1.2,
        },
      ],
    },
  ],
};

export const lww: Measure = (setting) => localOurs(setting, { subscribers: 1, mode: 'lww' });

export const local: Measure = async ({ quick }) => {
  const { openNode } = await product();
  const node = await openNode({ id: 'bench' });
  const reading = new Reading();
  const count = quick ? 5000 : 20_000;
  const sample = await measureLocal(
    (index) => {
      const table = declare(node, `t${index}`, { mode: 'automerge' });
      table.changes.subscribe((change) => reading.read(change.key, change.value as number));
      return {
        set: (key, value) => {
          table.set(key, value);
        },
        settle: () => node.flush(),
      };
    },
    { keys: count, tables: 1, updates: count, batch: 1 },
  );
  await node.close();
  return sample;
};
