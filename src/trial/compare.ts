import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildFailed, ComparisonProcess } from './child-process.ts';
import { resultOf, writeRate } from './measure.ts';
import { play } from './play.ts';
import { RealCluster } from './real-cluster.ts';
import { type ComparedNats, requireServer, withGroup } from './nats-group.ts';
import type { ClusterResult, Comparison, ModeRefusal, ModeResult, RowSource } from './results.ts';
import type { ComparedMode } from './tables.ts';
import type { Workload } from './workload.ts';

/** The options say what to compare. */
export interface CompareOptions {
  readonly source: RowSource;
  readonly workload: Workload;
  readonly modes: readonly ComparedMode[];
  /** Says whether to run real processes as well. */
  readonly real: boolean;
  /** Says which NATS server carries real processes as well; undefined: none. */
  readonly nats?: ComparedNats | undefined;
  /** Told before each run. */
  readonly onProgress: (cluster: ClusterResult['cluster'], mode: ComparedMode) => void;
}

type Run = (mode: ComparedMode) => Promise<ModeResult>;

/**
 * Runs one workload through every mode, each in fresh processes, one after the other. A mode that
 * cannot be had is reported with its reason; anything else that fails rejects.
 */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const { source, workload, real, nats } = options;
  if (nats !== undefined) await requireServer(nats);
  const clusters: ClusterResult[] = [
    await onCluster('simulated', options, (mode) => simulated(mode, workload)),
  ];
  if (real) clusters.push(await onCluster('real', options, (mode) => onRealNodes(mode, workload)));
  if (nats !== undefined)
    clusters.push(await onCluster('nats', options, (mode) => onRealNodes(mode, workload, nats)));
  return {
    source,
    options: workload.options,
    rows: workload.rows.length,
    keys: new Set(workload.rows.map(({ key }) => key)).size,
    stretches: {
      all: workload.stretches.length,
      busy: workload.stretches.filter(({ busy }) => busy).length,
      cut: workload.stretches.filter(({ cutOff }) => cutOff !== undefined).length,
    },
    clusters,
  };
}

async function onCluster(
  cluster: ClusterResult['cluster'],
  { modes, onProgress }: CompareOptions,
  run: Run,
): Promise<ClusterResult> {
  const results: (ModeResult | ModeRefusal)[] = [];
  for (const mode of modes) {
    onProgress(cluster, mode);
    results.push(await unlessRefused(mode, run));
  }
  return { cluster, modes: results };
}

async function unlessRefused(mode: ComparedMode, run: Run): Promise<ModeResult | ModeRefusal> {
  try {
    return await run(mode);
  } catch (error) {
    if (!(error instanceof ChildFailed) || error.code !== 'DECLARATION_INVALID') throw error;
    const { code, message, hint } = error;
    return { mode, refused: { code, message, hint } };
  }
}

async function simulated(mode: ComparedMode, workload: Workload): Promise<ModeResult> {
  const child = new ComparisonProcess();
  try {
    return (await child.ask({ type: 'simulate', mode, workload }, 'simulated')).result;
  } finally {
    await child.end();
  }
}

async function onRealNodes(mode: ComparedMode, workload: Workload, nats?: ComparedNats): Promise<ModeResult> {
  const run = { mode, workload, nats };
  const { notes, counters } = await withRealCluster(run, async (cluster) => ({
    notes: await play(workload, cluster),
    counters: cluster.counters,
  }));
  const writesPerSecond = await withRealCluster(run, async (cluster) => {
    const began = performance.now();
    await cluster.race();
    return writeRate(workload.rows.length, performance.now() - began);
  });
  const memory = counters.map(({ memoryBytes }) => memoryBytes ?? Number.NaN).reduce((a, b) => a + b, 0);
  return resultOf(mode, workload, {
    notes,
    spent: {
      wireBytes: counters.reduce((sum, { wireBytes }) => sum + wireBytes, 0),
      diskBytes: counters.reduce((sum, { diskBytes }) => sum + diskBytes, 0),
      memoryBytes: Number.isNaN(memory) ? undefined : memory,
      writesPerSecond,
    },
  });
}

interface RealRun {
  readonly mode: ComparedMode;
  readonly workload: Workload;
  readonly nats: ComparedNats | undefined;
}

/** Starts a cluster in a directory, and at a server in a group, of its own; ends and removes all, whatever happens. */
async function withRealCluster<T>(
  { mode, workload, nats }: RealRun,
  act: (cluster: RealCluster) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-compare-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const on = async (cluster: RealCluster): Promise<T> => {
    try {
      await cluster.open(mode, directory);
      return await act(cluster);
    } finally {
      await cluster.close();
    }
  };
  // Also when somebody ends the process in the middle: its children end with it.
  process.on('exit', remove);
  try {
    return await (nats === undefined
      ? on(new RealCluster(workload))
      : withGroup(nats, (group) => on(new RealCluster(workload, group))));
  } finally {
    remove();
    process.off('exit', remove);
  }
}
