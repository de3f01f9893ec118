import { resultOf } from './measure.ts';
import { memoryHeld } from './memory.ts';
import { play } from './play.ts';
import type { ModeResult } from './results.ts';
import { SimulatedCluster } from './simulated-cluster.ts';
import type { ComparedMode } from './tables.ts';
import { measureThroughput } from './throughput.ts';
import type { Workload } from './workload.ts';

/** Runs one mode in this process, on virtual time. Throws `DECLARATION_INVALID` for one that cannot be had. */
export async function simulateMode(mode: ComparedMode, workload: Workload): Promise<ModeResult> {
  const cluster = new SimulatedCluster(workload);
  try {
    const before = memoryHeld();
    await cluster.open(mode);
    const notes = await play(workload, cluster);
    const after = memoryHeld();
    const { wireBytes, diskBytes } = cluster;
    const memoryBytes = before === undefined || after === undefined ? undefined : after - before;
    const writesPerSecond = await measureThroughput(mode, workload);
    return resultOf(mode, workload, {
      notes,
      spent: { wireBytes, diskBytes, memoryBytes, writesPerSecond },
    });
  } finally {
    await cluster.close();
  }
}
