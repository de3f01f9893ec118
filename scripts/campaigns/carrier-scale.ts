// npm run campaign:carrier-scale -- --nodes 10,100,1000 [--writers 10] [--seconds 10] [--rate 1] [--warm 0]
// Nodes of one group at one real nats-server, in ten processes: what a node costs, how long a write takes to be
// everywhere, and what becomes of 30 % that are killed and come back. Writers take turns, so that writes lie evenly. For
// --warm seconds they write before anything is measured: code that V8 has not compiled yet costs three times as much.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { NatsServer, missing } from '../../test/nats/server.ts';
import { freePort } from '../../test/support/free-port.ts';
import type { Arrival, Ask, State, Told } from './carrier-scale-messages.ts';

const PROCESSES = 10;
const KILLED = 3;
const IDLE_MS = 5000;
/** So long everybody may take to have everything. */
const EQUAL_MS = 180_000;
const CHILD = fileURLToPath(new URL('carrier-scale-child.ts', import.meta.url));
const PRELOAD = new URL('../typescript.mjs', import.meta.url).href;

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10,100' },
    writers: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '1' },
    warm: { type: 'string', default: '0' },
  },
});
if (missing !== undefined) {
  console.log(`left out: ${missing}`);
  process.exit(0);
}

/** A process with many nodes. */
class Nodes {
  readonly count: number;
  readonly first: number;
  #child: ChildProcess;
  #ended: Promise<never>;

  constructor(first: number, count: number) {
    this.first = first;
    this.count = count;
    [this.#child, this.#ended] = start();
  }

  async ask<T extends Told['type']>(ask: Ask, type: T): Promise<Extract<Told, { type: T }>> {
    this.#child.send(ask);
    for (;;) {
      const [told] = (await Promise.race([once(this.#child, 'message'), this.#ended])) as [Told];
      if (told.type === type) return told as Extract<Told, { type: T }>;
    }
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  begin(): void {
    [this.#child, this.#ended] = start();
  }
}

function start(): [child: ChildProcess, ended: Promise<never>] {
  const child = spawn(process.execPath, ['--expose-gc', '--import', PRELOAD, CHILD], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('a process ended')));
  ended.catch(() => undefined);
  return [child, ended];
}

interface Server {
  readonly sent: number;
  readonly cpuMs: number;
  readonly mem: number;
}

async function lookAt(port: number, pid: number): Promise<Server> {
  const varz = (await (await fetch(`http://127.0.0.1:${port}/varz`)).json()) as {
    out_bytes: number;
    mem: number;
  };
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  // In hundredths of a second: the fields utime and stime.
  const cpuMs = (Number(fields[11]) + Number(fields[12])) * 10;
  return { sent: varz.out_bytes, cpuMs, mem: varz.mem };
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

/** Until a write was at every other node, of those that reached every one. */
function everywhere(all: readonly (readonly Arrival[])[], others: number): number[] {
  const merged = new Map<string, { count: number; worst: number }>();
  for (const { key, count, worst } of all.flat()) {
    const known = merged.get(key) ?? { count: 0, worst: 0 };
    merged.set(key, { count: known.count + count, worst: Math.max(known.worst, worst) });
  }
  return [...merged.values()]
    .filter(({ count }) => count >= others)
    .map(({ worst }) => worst)
    .toSorted((one, other) => one - other);
}

const seconds = Number(values.seconds);
const perSecond = Number(values.rate);

/** Costs up to one moment. */
interface Costs {
  readonly states: readonly State[];
  readonly server: Server;
}

/** Nodes of one group at one server. */
class Trial {
  readonly #nodes: number;
  readonly #writers: number;
  readonly #processes: readonly Nodes[];
  readonly #server: NatsServer;
  readonly #port: number;
  readonly #result: Record<string, string>;

  constructor(server: NatsServer, port: number, nodes: number, writers: number) {
    const per = nodes / PROCESSES;
    this.#server = server;
    this.#port = port;
    this.#nodes = nodes;
    this.#writers = writers;
    this.#processes = Array.from({ length: PROCESSES }, (_, index) => new Nodes(index * per, per));
    this.#result = { nodes: String(nodes), writers: String(writers) };
  }

  async run(): Promise<Record<string, string>> {
    try {
      const base = await this.#costs(true);
      await this.#join();
      await this.#rest();
      await this.#operations();
      await this.#comeBack();
      const kept = await this.#costs(true);
      const heap = total(kept, 'heap') - total(base, 'heap');
      this.#say('heap per node, kB', heap / this.#nodes / 1000, 0);
      await this.#compare();
      return this.#result;
    } finally {
      await Promise.allSettled(this.#processes.map((one) => one.kill()));
    }
  }

  #say(name: string, value: number, digits: number): void {
    this.#result[name] = value.toFixed(digits);
  }

  async #costs(isCollected = false): Promise<Costs> {
    const states = await this.#all({ type: 'state', isCollected }, 'state');
    return { states, server: await lookAt(this.#port, this.#server.pid) };
  }

  #all<T extends Told['type']>(ask: Ask, type: T): Promise<Extract<Told, { type: T }>[]> {
    return Promise.all(this.#processes.map((one) => one.ask(ask, type)));
  }

  async #open(some: readonly Nodes[]): Promise<number> {
    const begun = performance.now();
    const servers = this.#server.url;
    await Promise.all(
      some.map((one) => one.ask({ type: 'open', servers, first: one.first, count: one.count }, 'done')),
    );
    return (performance.now() - begun) / 1000;
  }

  async #write(some: readonly Nodes[], round: number, forSeconds = seconds): Promise<void> {
    const writers = Math.max(1, Math.floor(this.#writers / PROCESSES));
    const ask = { type: 'write', writers, perSecond, seconds: forSeconds, round } as const;
    await Promise.all(some.map((one, index) => one.ask({ ...ask, turn: index / some.length }, 'done')));
  }

  async #allHave(): Promise<void> {
    for (const begun = performance.now(); ; await pause(250)) {
      const { states } = await this.#costs();
      const sizes = new Set(states.flatMap((state) => state.sizes));
      if (sizes.size === 1) return;
      if (performance.now() - begun > EQUAL_MS) throw new Error(`not equal: ${[...sizes].join(' ')}`);
    }
  }

  /** All come; then each author's first write makes its subject, and its place in every vector. */
  async #join(): Promise<void> {
    this.#say('all open, s', await this.#open(this.#processes), 1);
    await this.#write(this.#processes, 0, Math.max(seconds, Number(values.warm)));
    await this.#allHave();
    await this.#all({ type: 'arrivals' }, 'arrivals');
  }

  async #rest(): Promise<void> {
    const before = await this.#costs();
    await pause(IDLE_MS);
    const after = await this.#costs();
    const shares = (this.#nodes * IDLE_MS) / 1000;
    this.#say('idle: bytes/s per node', (after.server.sent - before.server.sent) / shares, 0);
    this.#say('idle: CPU per node, ms/s', (total(after, 'cpuMs') - total(before, 'cpuMs')) / shares, 2);
  }

  async #operations(): Promise<void> {
    const before = await this.#costs();
    await this.#write(this.#processes, 1);
    await this.#allHave();
    const after = await this.#costs();
    const deliveries = total(after, 'deliveries') - total(before, 'deliveries');
    const cpuUs = 1000 * (total(after, 'cpuMs') - total(before, 'cpuMs'));
    this.#say('operation: bytes per node', (after.server.sent - before.server.sent) / deliveries, 0);
    this.#say('operation: CPU per node, µs', cpuUs / deliveries, 0);
    this.#say(
      'server: CPU per node, µs',
      (1000 * (after.server.cpuMs - before.server.cpuMs)) / deliveries,
      0,
    );
    this.#say('server: memory, MB', after.server.mem / 1e6, 0);
    const told = await this.#all({ type: 'arrivals' }, 'arrivals');
    const others = this.#nodes - 1;
    const delays = everywhere(
      told.map(({ arrivals }) => arrivals),
      others,
    );
    this.#result['everywhere: writes'] = `${delays.length} of ${deliveries / others}`;
    this.#say('everywhere: p50, ms', quantile(delays, 0.5), 0);
    this.#say('everywhere: p99, ms', quantile(delays, 0.99), 0);
  }

  async #comeBack(): Promise<void> {
    const dead = this.#processes.slice(0, KILLED);
    await Promise.all(dead.map((one) => one.kill()));
    await this.#write(this.#processes.slice(KILLED), 2);
    const before = await lookAt(this.#port, this.#server.pid);
    for (const one of dead) one.begin();
    this.#say('30 % back, s', await this.#open(dead), 1);
    await this.#allHave();
    const after = await lookAt(this.#port, this.#server.pid);
    const back = (this.#nodes * KILLED) / PROCESSES;
    this.#say('back: kB per node', (after.sent - before.sent) / back / 1000, 1);
  }

  async #compare(): Promise<void> {
    const found = await this.#all({ type: 'digests' }, 'digests');
    const isEqual = new Set(found.flatMap((one) => one.digests)).size === 1;
    this.#result['equal'] = isEqual ? 'yes' : 'NO';
    if (!isEqual) process.exitCode = 1;
  }
}

function total({ states }: Costs, name: 'heap' | 'cpuMs' | 'deliveries'): number {
  return states.reduce((sum, state) => sum + state[name], 0);
}

async function run(nodes: number, writers: number): Promise<Record<string, string>> {
  const port = await freePort();
  await using server = await NatsServer.start(`http: "127.0.0.1:${port}"`);
  return await new Trial(server, port, nodes, writers).run();
}

const results: Record<string, string>[] = [];
for (const nodes of values.nodes.split(',').map(Number)) {
  const writers = values.writers === 'all' ? nodes : Math.min(nodes, Number(values.writers));
  results.push(await run(nodes, writers));
  console.error(`${nodes} nodes done`);
}
const table = new Table({ style: { head: [], border: [] } });
for (const name of Object.keys(results[0] ?? {}))
  table.push([name, ...results.map((result) => result[name] ?? '')]);
console.log(table.toString());
