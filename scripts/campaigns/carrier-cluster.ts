// npm run campaign:carrier-cluster -- [--histories 1] [--faults 12] [--nodes 4] [--seed 1] [--kinds 'disk full,stream full']
// Three nats-servers with three replicas, under load: the leader killed again and again, any server, all at once, nodes
// killed, links cut, the disk of a server full, the stream full. Who is refused says so. In the end nothing that flush() confirmed is lost, all nodes are equal, each operation counts once.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { natsCarrier } from '../../src/nats/nats-carrier.ts';
import { SeededRandom } from '../../src/simulation/seeded-random.ts';
import { CuttableProxy } from '../../test/nats/cuttable-proxy.ts';
import { asOperator } from '../../test/nats/operator.ts';
import { type NatsServer, missing } from '../../test/nats/server.ts';
import { ServerCluster } from '../../test/nats/server-cluster.ts';
import { builtChild } from './built-child.ts';
import type { Asked, Said } from './carrier-cluster-messages.ts';

const STREAM = 'TABLECAST_cluster';
/** So long everybody may take to have everything, once everything runs again. */
const EQUAL_MS = 120_000;
/** So long it is looked at further, while anything changes: whether nodes are late or apart for good. */
const LONGEST_MS = 900_000;
/** So long a cluster may take to have a leader, and a node to tell what happened. */
const TOLD_MS = 120_000;
/** A disk of a server: no history needs as much. */
const DISK_BYTES = 64 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '1' },
    faults: { type: 'string', default: '12' },
    nodes: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    kinds: { type: 'string' },
  },
});
if (missing !== undefined) {
  console.log(`left out: ${missing}`);
  process.exit(0);
}

const CHILD = await builtChild(new URL('carrier-cluster-child.ts', import.meta.url));

/** A node in a process of its own, behind proxies that can be cut. */
class Member {
  readonly id: string;
  readonly confirmed: string[] = [];
  readonly events = new Map<string, number>();
  /** What it told, in words. */
  readonly told: string[] = [];
  readonly proxies: readonly CuttableProxy[];
  readonly #directory: string;
  #child: ChildProcess | undefined;
  #state: Extract<Said, { type: 'state' }> | undefined;

  constructor(id: string, directory: string, proxies: readonly CuttableProxy[]) {
    this.id = id;
    this.#directory = directory;
    this.proxies = proxies;
  }

  /** Starts it; resolves once it is open. */
  async begin(): Promise<void> {
    const servers = this.proxies.map(({ url }) => url).join(',');
    const child = spawn(process.execPath, [CHILD, this.id, this.#directory, servers], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    const ready = new Promise<void>((resolve, reject) => {
      child.on('message', (said: Said) => {
        if (said.type === 'ready') resolve();
        else this.#hear(said);
      });
      child.once('exit', () => reject(new Error(`${this.id} ended`)));
    });
    await ready;
  }

  #hear(said: Said): void {
    if (said.type === 'confirmed') this.confirmed.push(said.key);
    if (said.type === 'event') {
      this.events.set(said.code, (this.events.get(said.code) ?? 0) + 1);
      this.told.push(`${new Date().toISOString().slice(14)} ${said.code}: ${said.message}`);
    }
    if (said.type === 'state') this.#state = said;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  tell(asked: Asked): void {
    this.#child?.send(asked);
  }

  async state(): Promise<Extract<Said, { type: 'state' }>> {
    this.#state = undefined;
    this.tell('state');
    while (this.#state === undefined) await once(this.#child as ChildProcess, 'message');
    return this.#state;
  }
}

type Fault = 'leader' | 'server' | 'all servers' | 'node' | 'link' | 'disk full' | 'stream full';
const FAULTS: readonly Fault[] = [
  ...(['leader', 'leader', 'leader', 'server', 'all servers'] as const),
  ...(['node', 'link', 'disk full', 'stream full'] as const),
].filter((kind) => values.kinds?.split(',').includes(kind) ?? true);

/** Waits for something; throws when it does not come. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const begun = performance.now(); !(await isSo()); await pause(200))
    if (performance.now() - begun > TOLD_MS) throw new Error(`${what}: not in ${TOLD_MS / 1000} s`);
}

/** One history of a cluster of servers and its nodes. */
class History {
  readonly #random: SeededRandom;
  readonly #servers: ServerCluster;
  readonly #members: readonly Member[];
  readonly counts = new Map<Fault, number>();

  constructor(seed: number, servers: ServerCluster, members: readonly Member[]) {
    this.#random = new SeededRandom(seed);
    this.#servers = servers;
    this.#members = members;
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random.next() * list.length)] as T;
  }

  /** One fault, and its end. */
  async fault(): Promise<void> {
    const kind = this.#pick(FAULTS);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    const ms = 200 + this.#random.next() * 1000;
    if (kind === 'node') {
      const member = this.#pick(this.#members);
      await member.kill();
      await pause(ms);
      return member.begin();
    }
    if (kind === 'link') {
      const { proxies } = this.#pick(this.#members);
      for (const proxy of proxies) proxy.setCut(true);
      await pause(ms);
      for (const proxy of proxies) proxy.setCut(false);
      return;
    }
    if (kind === 'stream full') return this.#fillStream(ms);
    const { servers, disks } = this.#servers;
    const isLeader = kind === 'leader' || (kind === 'disk full' && this.#random.next() < 0.5);
    const leader = isLeader ? await this.#servers.leaderOf(STREAM) : undefined;
    const one = leader === undefined ? this.#pick(servers) : servers[leader];
    const hit = kind === 'all servers' ? servers : servers.filter((server) => server === one);
    const disk = kind === 'disk full' ? disks[servers.indexOf(hit[0] as NatsServer)] : undefined;
    await disk?.fill();
    // A server without room is given the time to notice, and goes on only when it is started anew.
    if (disk !== undefined) await pause(10 * ms);
    await Promise.all(hit.map((server) => server.kill()));
    // As docs/nats.md says: what was written halfway there would be believed.
    await disk?.empty();
    await pause(ms);
    await Promise.all(hit.map((server) => server.begin()));
  }

  /** The stream takes no more, which nodes are to tell, and then takes more again. */
  async #fillStream(ms: number): Promise<void> {
    const told = (code: string): number =>
      this.#members.reduce((sum, { events }) => sum + (events.get(code) ?? 0), 0);
    const [refused, recovered] = ['carrier-refused', 'carrier-recovered'].map(told) as [number, number];
    const isBounded = (isFull: boolean) => async (): Promise<boolean> => {
      const leader = await this.#servers.leaderOf(STREAM);
      if (leader === undefined) return false;
      return asOperator(this.#servers.servers[leader] as NatsServer, async ({ streams }) => {
        const { state } = await streams.info(STREAM);
        await streams.update(STREAM, { max_bytes: isFull ? state.bytes + 1 : -1 });
        return true;
      }).catch(() => false);
    };
    await until('the stream is bounded', isBounded(true));
    await until('that the stream is full is told', () => told('carrier-refused') > refused);
    await pause(ms);
    await until('the stream is bounded no more', isBounded(false));
    await until('that the stream has room is told', () => told('carrier-recovered') > recovered);
  }

  /** Resolves with what is wrong once all have the same, or nothing changes any more; undefined: nothing is. */
  async problem(): Promise<string | undefined> {
    for (const member of this.#members) member.tell('rest');
    const begun = performance.now();
    let [changed, before] = [begun, ''];
    for (; ; await pause(500)) {
      const states = await Promise.all(this.#members.map((member) => member.state()));
      const now = states.map(({ rows, counts }) => JSON.stringify([rows, counts]));
      const texts = new Set(now);
      const [first] = states;
      if (now.join() !== before) [changed, before] = [performance.now(), now.join()];
      const isOver = performance.now() > Math.min(changed + EQUAL_MS, begun + LONGEST_MS);
      if (texts.size === 1 && first !== undefined) {
        const wrong = this.#wrong(first);
        if (wrong === undefined) return tooLate(performance.now() - begun);
        if (isOver) return wrong;
      } else if (isOver)
        return `not equal: ${states.map(({ rows, counts, carrier }) => `\n${rows.length} rows, counts ${JSON.stringify(counts)}, ${carrier}`).join('')}`;
    }
  }

  #wrong({ rows, counts }: Extract<Said, { type: 'state' }>): string | undefined {
    const keys = new Set(rows.map((row) => row.slice(0, row.lastIndexOf(' '))));
    const lost = this.#members.flatMap(({ confirmed }) => confirmed.filter((key) => !keys.has(key)));
    if (lost.length > 0) return `${lost.length} confirmed are lost, first ${lost[0] ?? ''}`;
    for (const { id } of this.#members) {
      const written = [...keys].filter((key) => key.startsWith(`${id} `)).length;
      if (counts[id] !== written) return `${id} wrote ${written} times and counts ${counts[id] ?? 0}`;
    }
    return undefined;
  }
}

/** Returns what is wrong with nodes that are equal after a time; undefined: nothing is. */
function tooLate(ms: number): string | undefined {
  return ms > EQUAL_MS ? `equal only after ${(ms / 1000).toFixed(0)} s` : undefined;
}

/** Says what the stream holds under each subject: how many messages, where, and what is missing between them. */
async function held(servers: string): Promise<string[]> {
  const carrier = natsCarrier({ servers, group: 'cluster' });
  const abort = new AbortController();
  const link = await carrier.open(abort.signal);
  const latest = new Map<string, number>();
  for await (const { subject, place } of link.latest()) latest.set(subject.join('.'), place);
  const found = new Map<string, { count: number; first: number; last: number; operations: string[] }>();
  for await (const { subject, place, headers, bytes } of link.read(1, abort.signal)) {
    const name = subject.join('.');
    const known = found.get(name) ?? { count: 0, first: place, last: 0, operations: [] };
    found.set(name, { ...known, count: known.count + 1, last: place });
    known.operations.push(`${place}:${headers['Tablecast-Held'] ?? ''}${bytes.length === 0 ? '-' : ''}`);
    if (place >= link.newest) break;
  }
  await carrier.close();
  const lines = Array.from(
    found,
    ([name, { count, first, last, operations }]) =>
      `${name}: ${count} messages from ${first} to ${last} (${operations.slice(0, 5).join(' ')} … ${operations.slice(-5).join(' ')}), last as told ${latest.get(name) ?? 'none'}`,
  );
  const unread = [...latest].filter(([name]) => !found.has(name));
  return [
    `newest ${link.newest}`,
    ...lines,
    ...unread.map(([name, place]) => `${name}: not read, last as told ${place}`),
  ];
}

async function run(seed: number): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'tablecast-cluster-'));
  await using servers = await ServerCluster.start(DISK_BYTES);
  const members: Member[] = [];
  const begun = performance.now();
  try {
    for (let index = 0; index < Number(values.nodes); index++) {
      const proxies = await Promise.all(servers.servers.map(({ port }) => CuttableProxy.to(port)));
      members.push(new Member(`n${index}`, join(directory, `n${index}`), proxies));
    }
    await Promise.all(members.map((member) => member.begin()));
    await until('a server leads', async () => (await servers.leaderOf(STREAM)) !== undefined);
    const history = new History(seed, servers, members);
    for (let count = 0; count < Number(values.faults); count++) {
      await pause(300);
      await history.fault();
    }
    const resting = performance.now();
    const problem = await history.problem();
    const confirmed = members.reduce((sum, member) => sum + member.confirmed.length, 0);
    const faults = Array.from(history.counts, ([kind, count]) => `${count} ${kind}`).join(', ');
    const seconds = ((performance.now() - begun) / 1000).toFixed(0);
    const after = ((performance.now() - resting) / 1000).toFixed(1);
    console.log(
      `history ${seed}: ${problem ?? 'exact'}; ${confirmed} confirmed, ${faults}; equal after ${after} s, ${seconds} s in all`,
    );
    const told = new Map<string, number>();
    for (const { events } of members)
      for (const [code, count] of events) told.set(code, (told.get(code) ?? 0) + count);
    console.log(`  told: ${Array.from(told, ([code, count]) => `${count} ${code}`).join(', ')}`);
    if (problem !== undefined) {
      for (const { id, events, told: words } of members) console.log(id, Object.fromEntries(events), words);
      const leader = servers.servers[(await servers.leaderOf(STREAM)) ?? 0] as NatsServer;
      for (const line of await held(leader.url)) console.log(line);
    }
    return problem;
  } finally {
    await Promise.all(members.map((member) => member.kill()));
    for (const proxy of members.flatMap(({ proxies }) => proxies)) proxy.close();
    await rm(directory, { recursive: true, force: true });
  }
}

const histories = Number(values.histories);
let exact = 0;
for (let index = 0; index < histories; index++) {
  const seed = Number(values.seed) + index;
  const problem = await run(seed).catch((error: unknown) => {
    console.log(`history ${seed}: ${String(error)}`);
    return String(error);
  });
  if (problem === undefined) exact++;
}
console.log(`${exact} of ${histories} histories exact`);
if (exact < histories) process.exitCode = 1;
