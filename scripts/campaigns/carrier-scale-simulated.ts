// npm run campaign:carrier-scale-simulated -- --nodes 100,1000,10000 [--writers 10] [--operations 50]
// Nodes of one group in one process and on virtual time, at the carrier in memory: what a node costs, how long a write
// takes to be everywhere, 30 % crashed and back; and what an operation costs a reader with 10 and with 1,000 writers.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import type { Carried } from '../../src/carrier/carrier.ts';
import { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';
import { OPERATIONS } from '../../src/carrier/subjects.ts';
import { Cluster } from '../../src/simulation/cluster.ts';
import { SeededRandom } from '../../src/simulation/seeded-random.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const declaration = { key: 'string', value: 'string', mode: 'lww' } as const;
/** Operations that a reader takes, of 10 and of 1,000 authors: 20 of each of these. */
const READ = 20_000;
const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '100,1000' },
    writers: { type: 'string', default: '10' },
    operations: { type: 'string', default: '50' },
    'most-ratio': { type: 'string', default: '1.3' },
  },
});

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

/** A cluster at a carrier in memory; each step of the carrier takes 1 to 3 ms. */
function clusterOf(size: number): { readonly cluster: Cluster; readonly memory: MemoryCarrier } {
  const random = new SeededRandom(1);
  const memory: MemoryCarrier = new MemoryCarrier('memory://scale', {
    defer: (task) => void cluster.time.schedule(1 + 2 * random.next(), task),
  });
  const cluster: Cluster = new Cluster({ size, topology: [], carrier: { memory } });
  return { cluster, memory };
}

/** Nodes of one cluster, with what their tables heard. */
class World {
  readonly cluster: Cluster;
  /** By key: when it was written, how many nodes have it, and since when the last one has. */
  readonly heard = new Map<string, { readonly at: number; count: number; last: number }>();
  deliveries = 0;

  constructor(size: number) {
    this.cluster = clusterOf(size).cluster;
  }

  async start(index: number): Promise<void> {
    await this.cluster.start(index, (node) => {
      node.table('t', declaration).changes.subscribe(({ key }) => {
        this.deliveries++;
        const one = this.heard.get(key);
        if (one === undefined) return;
        one.count++;
        one.last = this.cluster.time.now;
      });
    });
  }

  write(index: number, key: string): void {
    this.heard.set(key, { at: this.cluster.time.now, count: 0, last: 0 });
    this.cluster.node(index).table('t', declaration).set(key, 'x'.repeat(20));
  }

  /** Returns how many different tables there are. */
  tables(): number {
    const texts = this.cluster.members.map(({ up }) =>
      [...up.table('t', declaration)]
        .map(([key, value]) => `${key} ${value}`)
        .toSorted()
        .join('\n'),
    );
    return new Set(texts).size;
  }
}

async function run(nodes: number, writers: number): Promise<Record<string, string>> {
  const before = heap();
  const world = new World(nodes);
  const { cluster } = world;
  for (const { index } of cluster.members) await world.start(index);
  await cluster.run(5000);
  for (let index = 0; index < writers; index++) world.write(index, `first of ${index}`);
  await cluster.run(5000);
  const perNode = (heap() - before) / nodes;
  const idle = { cpu: cpuMs(), events: cluster.time.events };
  await cluster.run(10_000);
  const idleEvents = (cluster.time.events - idle.events) / nodes / 10;
  const begun = { cpu: cpuMs(), deliveries: world.deliveries };
  world.heard.clear();
  for (let count = 0; count < Number(values.operations); count++) {
    world.write(count % writers, `k${count}`);
    await cluster.run(100);
  }
  await cluster.run(5000);
  const operationUs = (1000 * (cpuMs() - begun.cpu)) / (world.deliveries - begun.deliveries);
  const delays = [...world.heard.values()].map(({ at, last }) => last - at).toSorted((a, b) => a - b);
  const isEverywhere = [...world.heard.values()].every(({ count }) => count === nodes);
  const crashed = cluster.members.filter(({ index }) => index % 10 < 3);
  for (const { index } of crashed) cluster.crash(index);
  const alive = cluster.members.find(({ node }) => node !== undefined)?.index ?? 0;
  world.write(alive, 'meanwhile');
  await cluster.run(1000);
  const backBegun = cpuMs();
  for (const { index } of crashed) await world.start(index);
  await cluster.run(10_000);
  const backMs = (cpuMs() - backBegun) / crashed.length;
  const tables = world.tables();
  if (tables !== 1 || !isEverywhere) process.exitCode = 1;
  return {
    nodes: String(nodes),
    writers: String(writers),
    'heap per node, kB': (perNode / 1000).toFixed(0),
    'idle: timers per node and second': idleEvents.toFixed(2),
    'operation: CPU per node, µs': operationUs.toFixed(0),
    'everywhere: p50, virtual ms': quantile(delays, 0.5).toFixed(0),
    'everywhere: p99, virtual ms': quantile(delays, 0.99).toFixed(0),
    'back: CPU per node, ms': backMs.toFixed(1),
    'every write everywhere': isEverywhere ? 'yes' : 'NO',
    equal: tables === 1 ? 'yes' : 'NO',
  };
}

/** What an author alone published, each operation in a message of its own. */
async function publishedBy(index: number, operations: number): Promise<readonly Carried[]> {
  const { cluster, memory } = clusterOf(index + 1);
  const node = await cluster.start(index);
  const table = node.table('t', declaration);
  await cluster.run(100);
  for (let count = 0; count < operations; count++) {
    table.set(`${index} ${count}`, 'x');
    await cluster.run(20);
  }
  await cluster.close();
  return memory.snapshot();
}

/** Processor time of a reader for an operation, of so many of as many authors, in microseconds. */
async function reading(writers: number, operations: number): Promise<number> {
  const each = operations / writers;
  const all = await Promise.all(Array.from({ length: writers }, (_, index) => publishedBy(index, each)));
  const [first = []] = all;
  const isOfAuthor = ({ subject: [kind] }: Carried): boolean => kind === OPERATIONS;
  const turns = Array.from({ length: each }, (_, turn) => all.map((list) => list.filter(isOfAuthor)[turn]));
  const messages = [...first.filter((one) => !isOfAuthor(one)), ...turns.flat()];
  const { cluster, memory } = clusterOf(writers + 1);
  memory.restore(messages.flatMap((one, index) => (one === undefined ? [] : [{ ...one, place: index + 1 }])));
  collect();
  const begun = cpuMs();
  const reader = await cluster.start(writers, (node) => void node.table('t', declaration));
  await cluster.run(60_000);
  const took = cpuMs() - begun;
  if (reader.table('t', declaration).size !== operations) throw new Error('the reader lacks rows');
  return (1000 * took) / operations;
}

const results: Record<string, string>[] = [];
for (const nodes of values.nodes.split(',').map(Number)) {
  const writers = values.writers === 'all' ? nodes : Math.min(nodes, Number(values.writers));
  results.push(await run(nodes, writers));
}
const table = new Table({ style: { head: [], border: [] } });
for (const name of Object.keys(results[0] ?? {}))
  table.push([name, ...results.map((result) => result[name] ?? '')]);
console.log(table.toString());
await reading(10, 1000);
const [few, many] = [await reading(10, READ), await reading(1000, READ)];
const ratio = many / few;
console.log(
  `an operation at a reader: ${few.toFixed(0)} µs with 10 writers, ${many.toFixed(0)} µs with 1,000, ratio ${ratio.toFixed(2)}`,
);
if (ratio > Number(values['most-ratio'])) process.exitCode = 1;
