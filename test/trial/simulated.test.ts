import { describe, expect, test } from 'vitest';
import { judge } from '../../src/trial/judge.ts';
import { play } from '../../src/trial/play.ts';
import type { ModeResult } from '../../src/trial/results.ts';
import { simulateMode } from '../../src/trial/simulate-mode.ts';
import { SimulatedCluster } from '../../src/trial/simulated-cluster.ts';
import type { ComparedMode } from '../../src/trial/tables.ts';
import { type Workload, makeWorkload } from '../../src/trial/workload.ts';
import { busyRows } from './notes.ts';

const modes: readonly ComparedMode[] = ['naive', 'lww', 'automerge'];
const calm = { nodes: 3, seed: 1, concurrent: 0, partitions: 0 };

/** What is the same in every run. */
function lasting({ measured, ...rest }: ModeResult): unknown {
  return { ...rest, latencyMs: measured.latencyMs };
}

async function noted(mode: ComparedMode, workload: Workload): ReturnType<typeof play> {
  const cluster = new SimulatedCluster(workload);
  await cluster.open(mode);
  const notes = await play(workload, cluster);
  await cluster.close();
  return notes;
}

describe.each(modes)('in mode %s', (mode) => {
  test('nothing is lost, in conflict or different where each row waits for the one before', async () => {
    const { judgement } = await simulateMode(mode, makeWorkload(busyRows(150), calm));
    const nothing = { keysInConflict: 0, keysDiverged: 0, divergedReported: 0, falselyReported: 0 };
    expect(judgement).toMatchObject({
      concurrentRows: 0,
      counts: { ...nothing, counted: [150, 150, 150], lost: [0, 0, 0], excess: 0 },
      latest: { ...nothing, lost: 0, kept: 0 },
    });
  });

  test('an increment and an update that are never written are found missing', async () => {
    const workload = makeWorkload(busyRows(60), calm);
    const planted = { ...workload, rows: workload.rows.slice(0, -1) };
    const stretches = workload.stretches.map((each) => ({ ...each, to: Math.min(each.to, 59) }));
    const notes = await noted(mode, { ...planted, stretches });
    expect(judge(workload, notes).counts.lost).toEqual([1, 1, 1]);
  });

  test('the same seed gives the same report, but for timings', async () => {
    const workload = makeWorkload(busyRows(120), { ...calm, concurrent: 50, partitions: 30 });
    const [one, other] = [await simulateMode(mode, workload), await simulateMode(mode, workload)];
    expect(lasting(one)).toEqual(lasting(other));
  });
});

describe('where nobody waits', () => {
  const workload = makeWorkload(busyRows(200), { ...calm, concurrent: 100 });

  test('naive and lww lose increments and updates, and every writer had seen the same in each', async () => {
    const naive = await simulateMode('naive', workload);
    const lww = await simulateMode('lww', workload);
    for (const { judgement } of [naive, lww]) {
      expect(judgement.concurrentRows).toBeGreaterThan(50);
      expect(Math.min(...judgement.counts.lost)).toBeGreaterThan(10);
      expect(judgement.latest.lost).toBeGreaterThan(10);
      expect(judgement.counts.keysInConflict).toBeGreaterThan(0);
      expect(judgement.counts.excess).toBe(0);
    }
    expect(lww.judgement.counts).toMatchObject({ keysDiverged: 0, divergedReported: 0 });
    expect(lww.interleaving).toBe(naive.interleaving);
  });

  test('automerge loses neither, and all nodes are equal', async () => {
    const { judgement, interleaving } = await simulateMode('automerge', workload);
    expect(judgement).toMatchObject({
      counts: { counted: [200, 200, 200], lost: [0, 0, 0], excess: 0, keysDiverged: 0 },
      latest: { lost: 0, keysDiverged: 0 },
    });
    expect(interleaving).toBe((await simulateMode('naive', workload)).interleaving);
  });
});

test('a cut alone loses increments, and naive tables name exactly the keys that differ', async () => {
  const workload = makeWorkload(busyRows(200), { ...calm, partitions: 100 });
  const { judgement } = await simulateMode('naive', workload);
  expect(Math.min(...judgement.counts.lost)).toBeGreaterThan(10);
  expect(judgement.latest.keysDiverged).toBeGreaterThan(0);
  for (const table of [judgement.counts, judgement.latest])
    expect(table).toMatchObject({ divergedReported: table.keysDiverged, falselyReported: 0 });
});

test('keys and values are data, whatever they hold', async () => {
  const keys = [
    '__proto__',
    'constructor',
    '',
    ' ',
    '<script>alert(1)</script>',
    '\u0000\n\u001b[2J',
    'n1@x',
  ];
  const rows = Array.from({ length: 70 }, (_, index) => ({
    key: keys[index % keys.length] as string,
    value: keys[(index * 3) % keys.length] as string,
  }));
  const { judgement } = await simulateMode('lww', makeWorkload(rows, calm));
  expect(judgement).toMatchObject({ keys: keys.length, counts: { lost: [0, 0, 0] }, latest: { lost: 0 } });
  expect(judgement.counts.busiest.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
});
