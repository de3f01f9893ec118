import { openNode } from '../../../src/index.ts';
import { threadTime } from '../../support/thread-time.ts';

/** What a node under attack declares and takes, as JSON in the first argument. */
export interface VictimPlan {
  readonly tables: number;
  readonly credentials: readonly {
    name: string;
    token: string;
    nodes: string[];
    write?: string[];
    origins?: 'relay';
  }[];
  readonly limits?: Record<string, number>;
}

/** What a node under attack says of itself since it was asked last. */
export interface VictimReport {
  /** Processor time of the longest turn of the event loop, in milliseconds. */
  readonly longestMs: number;
  /** Bytes of the heap and of buffers, after a collection. */
  readonly memoryBytes: number;
  /** What was told on `node.events`, per code. */
  readonly told: Readonly<Record<string, number>>;
  /** Bytes of what was told, as JSON. */
  readonly toldBytes: number;
}

const plan = JSON.parse(process.argv[2] as string) as VictimPlan;
const node = await openNode({
  id: 'victim',
  listen: { port: 0 },
  auth: { credentials: plan.credentials },
  limits: { maxTables: plan.tables + 2, ...plan.limits },
});
node.table('t', { key: 'string' });
for (let index = 0; index < plan.tables; index++) node.table(`table${index}`, { key: 'string' });

let told: Record<string, number> = {};
let toldBytes = 0;
node.events.subscribe((event) => {
  told[event.code] = (told[event.code] ?? 0) + 1;
  toldBytes += JSON.stringify(event).length;
});

let longestMs = 0;
let time = threadTime();

function turn(): void {
  longestMs = Math.max(longestMs, time());
  time = threadTime();
  setImmediate(turn);
}
turn();

process.on('message', () => {
  const measured = longestMs;
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const report: VictimReport = { longestMs: measured, memoryBytes: heapUsed + arrayBuffers, told, toldBytes };
  process.send?.(report);
  told = {};
  toldBytes = 0;
  longestMs = 0;
  time = threadTime();
});
process.on('disconnect', () => process.exit());
process.send?.({ address: node.address });
