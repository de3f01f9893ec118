// npm run campaign:http-load -- --seconds 600 --rate 10000 --most-ms 100
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openNode } from 'tablecast';
import { slopeOfSecondHalf } from './slope.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    rate: { type: 'string', default: '10000' },
    'most-ms': { type: 'string', default: '100' },
  },
});
const seconds = Number(values.seconds);
const rate = Number(values.rate);
/** What the heap may grow by in a second, in the second half of the time, in bytes. */
const MOST_SLOPE = 10_000;
/** What a page asks for each second. */
const ASKED = [
  '/',
  '/v1',
  '/v1/cluster',
  '/v1/tables',
  '/v1/metrics',
  '/v1/tables/busy/rows?limit=100&sort=key',
];

/** Asks in a process of its own, and follows the changes; says in one line how long the answers took. */
const CLIENT = `
const [url, ...paths] = process.argv.slice(1);
const took = [];
let changes = 0;
const follow = async () => {
  const { body } = await fetch(url + '/v1/tables/busy/changes');
  for await (const bytes of body) changes += bytes.length;
};
follow().catch(() => undefined);
process.on('SIGTERM', () => {
  took.sort((one, other) => one - other);
  const at = (part) => took[Math.min(took.length - 1, Math.floor(took.length * part))];
  console.log(JSON.stringify({ answers: took.length, median: at(0.5), p99: at(0.99), longest: at(1), changes }));
  process.exit(0);
});
for (;;) {
  for (const path of paths) {
    const began = performance.now();
    await (await fetch(url + path)).arrayBuffer();
    took.push(performance.now() - began);
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
}
`;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** The heap once what is not used was let go, in bytes. */
function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

// The log in memory fills up to its bound, by default 64 MiB, which takes minutes and looks like growth.
const limits = { maxMemoryLogBytes: 4 * 1024 * 1024 };
const node = await openNode({ id: 'busy', http: { port: 0 }, limits });
const table = node.table('busy', { key: 'string', value: 'count' });
const child: ChildProcess = spawn(
  process.execPath,
  ['--input-type=module', '-e', CLIENT, node.httpAddress as string, ...ASKED],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
const samples: [number, number][] = [];
const cpu = process.cpuUsage();
const began = performance.now();
let written = 0;
for (let now = 0; now < seconds; now = (performance.now() - began) / 1000) {
  const due = Math.min(written + rate / 10, now * rate);
  while (written < due) table.set(`k${written % 5000}`, written++);
  if (now >= (samples.length * seconds) / 20) samples.push([now, heap()]);
  await wait(1);
}
const { user, system } = process.cpuUsage(cpu);
const last = once(lines, 'line');
child.kill('SIGTERM');
const answered = JSON.parse(((await last) as [string])[0]) as Record<string, number>;
await node.close();
const grown = slopeOfSecondHalf(samples);
console.log(
  `${written} operations in ${seconds} s, ${((user + system) / 1e4 / seconds).toFixed(0)} % of a processor; ` +
    `${answered['answers']} answers: median ${answered['median']?.toFixed(1)} ms, p99 ${answered['p99']?.toFixed(1)} ms, ` +
    `longest ${answered['longest']?.toFixed(1)} ms; ${((answered['changes'] ?? 0) / 1e6).toFixed(0)} MB of changes told`,
);
console.log(
  `heap ${samples.map(([, bytes]) => (bytes / 1e6).toFixed(1)).join(' ')} MB, slope of the second half ${(grown / 1000).toFixed(2)} kB a second`,
);
if ((answered['longest'] ?? Infinity) > Number(values['most-ms']) || grown > MOST_SLOPE) process.exitCode = 1;
