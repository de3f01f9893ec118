import { expect, test } from 'vitest';
import { type ModeResult, compare, makeWorkload } from '../../src/trial/index.ts';
import { busyRows } from './notes.ts';

const source = {
  log: undefined,
  fields: { key: 'k', value: 'v' },
  skippedLines: 0,
  skippedRecords: 0,
  more: false,
};

test('processes and sockets are measured like the simulation, cut off and connected again', async () => {
  const workload = makeWorkload(busyRows(60), { nodes: 2, seed: 3, concurrent: 50, partitions: 5 });
  const told: string[] = [];
  const comparison = await compare({
    source,
    workload,
    modes: ['lww'],
    real: true,
    onProgress: (cluster, mode) => told.push(`${cluster} ${mode}`),
  });
  expect(told).toEqual(['simulated lww', 'real lww']);
  expect(comparison.clusters.map(({ cluster }) => cluster)).toEqual(['simulated', 'real']);
  for (const { modes } of comparison.clusters) {
    const { judgement, wireBytes, diskBytes, measured } = modes[0] as ModeResult;
    expect(judgement).toMatchObject({
      rows: 60,
      counts: { keysDiverged: 0, excess: 0 },
      latest: { keysDiverged: 0 },
    });
    expect(Math.min(...judgement.counts.lost)).toBeGreaterThan(0);
    expect(wireBytes).toBeGreaterThan(60 * 10);
    expect(diskBytes).toBeGreaterThan(60 * 10);
    expect(measured.writesPerSecond).toBeGreaterThan(1);
    expect(measured.latencyMs?.samples).toBeGreaterThan(0);
    expect(measured.memoryBytes).toBeGreaterThan(0);
  }
});

test('a mode that cannot be had is reported with its reason, and the others are run', async () => {
  const workload = makeWorkload(busyRows(5), { nodes: 2, seed: 3, concurrent: 0, partitions: 0 });
  const modes = ['of tomorrow' as 'lww', 'lww'] as const;
  const { clusters } = await compare({ source, workload, modes, real: false, onProgress: () => undefined });
  expect(clusters[0]?.modes).toMatchObject([
    { mode: 'of tomorrow', refused: { code: 'DECLARATION_INVALID', hint: expect.stringContaining('lww') } },
    { mode: 'lww', judgement: { rows: 5 } },
  ]);
});
