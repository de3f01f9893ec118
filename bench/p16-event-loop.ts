import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { pause, stopwatch } from './clock.ts';
import type { Measure, Metric, Target } from './contest.ts';
import { KEYS, keysOf, orderOf, valueOf } from './data.ts';
import { Reading } from './p01-local-write.ts';
import { declare, product } from './product.ts';

const module = 'p16-event-loop';
const METRICS: readonly Metric[] = [
  { name: 'p99', label: 'delay p99', unit: 'ms' },
  { name: 'p50', label: 'p50', unit: 'ms' },
  { name: 'max', label: 'max', unit: 'ms' },
  { name: 'rate', label: 'reached', unit: 'op/s', larger: true },
];
const PER_SECOND = 200_000;

export const p16: Target = {
  id: 'P16',
  title: 'Event-loop delay under load',
  contests: [
    {
      name: 'delay',
      title: '200,000 operations/s to sqlite over 100,000 rows, one subscriber, checkpoints included',
      note: 'Delay beyond the 1 ms timer of the monitor; the floor paces itself and writes to a Map.',
      metrics: METRICS,
      contestants: [
        { name: 'Map.set', kind: 'floor', module, export: 'map' },
        { name: 'tablecast', kind: 'ours', module, export: 'ours' },
      ],
      goals: [{ text: 'p99 ≤ 20 ms', metric: 'p99', of: 'tablecast', atMost: 20 }],
    },
  ],
};

export const map: Measure = ({ quick }) => {
  const rows = new Map<string, number>();
  return delays((key, value) => rows.set(key, value), { quick });
};

export const ours: Measure = async ({ directory, quick }) => {
  const { openNode } = await product();
  const node = await openNode({ id: 'bench', directory });
  const table = declare(node, 'numbers', { backend: 'sqlite' });
  const reading = new Reading();
  table.changes.subscribe((change) => reading.read(change.key, change.value as number));
  const sample = await delays((key, value) => table.set(key, value), { quick });
  await node.close();
  return sample;
};

/** Writes what is due at every turn of a timer, and watches how late timers are. */
export async function delays(
  write: (key: string, value: number) => void,
  { quick, perSecond = PER_SECOND }: { readonly quick: boolean; readonly perSecond?: number },
): ReturnType<Measure> {
  const keys = keysOf(KEYS);
  const total = perSecond * (quick ? 2 : 10);
  const order = orderOf(total, KEYS);
  for (const [index, key] of keys.entries()) {
    write(key, valueOf(index));
    if (index % 1000 === 999) await pause(1);
  }
  const monitor: IntervalHistogram = monitorEventLoopDelay({ resolution: 1 });
  monitor.enable();
  const spent = stopwatch();
  let done = 0;
  while (done < total) {
    await pause(1);
    // After a stall no more than 20 ms of work are made up at once: the writer is not what is measured.
    const due = Math.min(total, Math.floor((spent().wallUs / 1e6) * perSecond), done + perSecond / 50);
    while (done < due) write(keys[order[done] as number] as string, valueOf(done++));
  }
  const { wallUs } = spent();
  monitor.disable();
  const ms = (value: number): number => Math.max(0, value / 1e6 - 1);
  return {
    p50: ms(monitor.percentile(50)),
    p99: ms(monitor.percentile(99)),
    max: ms(monitor.max),
    rate: total / (wallUs / 1e6),
  };
}
