import type { TableNode } from '../index.ts';
import { openNodeOf } from '../node/open-node.ts';
import { inProcessNetwork } from '../transport/in-process.ts';
import { CountedDisk } from './counted-disk.ts';
import { writeRate } from './measure.ts';
import { NodeObserver, nodeId } from './observer.ts';
import { notArrived } from './simulated-cluster.ts';
import type { ComparedMode } from './tables.ts';
import type { Workload } from './workload.ts';

/** Rows that a node writes in one turn of the event loop when it is to be as fast as it can. */
export const ROWS_PER_TURN: number = 64;
const PATIENCE_MS = 120_000;
const MAX_ROUNDS = 5;
const ENOUGH_MS = 2000;

/**
 * All rows once more, as fast as one process with all nodes takes them; writes per second of
 * processor time, so that what else the machine does counts little. Median of a few rounds.
 */
export async function measureThroughput(mode: ComparedMode, workload: Workload): Promise<number> {
  const rounds: number[] = [];
  let spentMs = 0;
  while (rounds.length < MAX_ROUNDS && (rounds.length === 0 || spentMs < ENOUGH_MS)) {
    const ms = await cpuOfRound(mode, workload);
    spentMs += ms;
    rounds.push(ms);
  }
  const median = rounds.toSorted((one, other) => one - other)[rounds.length >> 1] as number;
  return writeRate(workload.rows.length, median);
}

async function cpuOfRound(mode: ComparedMode, workload: Workload): Promise<number> {
  const network = inProcessNetwork();
  const nodes: TableNode[] = [];
  try {
    for (let index = 0; index < workload.options.nodes; index++) {
      const options = { id: nodeId(index), listen: { port: 0 }, peers: nodes.map(({ id }) => `ws://${id}`) };
      const transport = network.transport(`ws://${nodeId(index)}`);
      nodes.push(await openNodeOf(options, { transport, durableBackend: new CountedDisk().backend }));
    }
    const observers = nodes.map(
      (node, index) => new NodeObserver(node, { workload, mode, index, now: () => performance.now() }),
    );
    const cpu = process.cpuUsage();
    await writeAll(workload, observers);
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / 1000;
  } finally {
    for (const node of nodes) await node.close();
  }
}

async function writeAll({ rows, options }: Workload, observers: readonly NodeObserver[]): Promise<void> {
  const rowsOf = observers.map((_, node) => rows.flatMap((row, index) => (row.node === node ? [index] : [])));
  const longest = Math.max(...rowsOf.map(({ length }) => length));
  for (let from = 0; from < longest; from += ROWS_PER_TURN) {
    for (const [node, observer] of observers.entries())
      observer.writeTogether((rowsOf[node] ?? []).slice(from, from + ROWS_PER_TURN));
    await turn();
  }
  const all = Array.from({ length: options.nodes }, (_, node) => rowsOf[node]?.length ?? 0);
  const deadline = performance.now() + PATIENCE_MS;
  while (!observers.every((observer) => observer.holds(all))) {
    if (performance.now() > deadline) throw notArrived(rows.length, PATIENCE_MS);
    await turn();
  }
}

/** Lets everything that waits in this turn of the event loop run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
