import { createHash } from 'node:crypto';
import type { MapTable, Operation, SetTable, Table, TableNode } from '../../src/index.ts';
import { readRunHeader } from '../../src/log/run.ts';
import { openSegmentBytes } from '../../src/log/segment-store.ts';
import { decodeMessage } from '../../src/replication/wire.ts';
import { Cluster, type Member } from '../support/cluster.ts';
import { textOf } from '../support/naive-model.ts';
import { readLog } from '../support/read-log.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import type { Delivery } from '../support/simulated-network.ts';
import { type DrawnOptions, type FaultName, drawOptions, worldTables } from './drawn-options.ts';
import { Ledger, contentOf, nameOf } from './ledger.ts';
import { NodeWitness, type TableWitness, entriesOf } from './witness.ts';

/** How long a healed cluster may take to become equal, in milliseconds of virtual time. */
const PATIENCE_MS = 120_000;

/** What a run came to. */
export interface SimulationResult {
  readonly seed: number;
  readonly options: DrawnOptions;
  /** Equal for equal runs. */
  readonly trace: string;
  readonly events: number;
  readonly writes: number;
  readonly virtualMs: number;
  /** How often each kind of step was taken, and what else happened. */
  readonly counts: Readonly<Record<string, number>>;
}

/** What one member carries from life to life. */
interface Past {
  operations: Operation[];
  acknowledgedTo: number;
  readonly adopted: Set<string>;
  witness: NodeWitness | undefined;
  restartAt: number;
  /** What the member's disk held when it was last looked at. */
  readonly disk: { read: number; readonly held: Map<string, number> };
}

/** One world from its seed to its end. */
export class Simulation {
  readonly options: DrawnOptions;
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #cluster: Cluster;
  readonly #ledger = new Ledger();
  readonly #past = new Map<Member, Past>();
  readonly #trace = createHash('sha256');
  readonly #counts: Record<string, number> = {};
  #writes = 0;
  #full = -1;
  #healing = false;
  #told: Error | undefined;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
    const options = drawOptions(this.#random);
    this.options = options;
    this.#cluster = new Cluster({
      size: options.size,
      seed: this.#random.between(1, 1e9),
      topology: options.topology,
      delayMs: options.delayMs,
      commitMs: options.commitMs,
      limits: options.maxMemoryLogBytes === undefined ? {} : { maxMemoryLogBytes: options.maxMemoryLogBytes },
      outcome: (index) => (index === this.#full ? 'full' : 'kept'),
    });
    this.#cluster.network.observe = (delivery) => this.#delivered(delivery);
    for (const member of this.#cluster.members) {
      this.#past.set(member, {
        operations: [],
        acknowledgedTo: 0,
        adopted: new Set(),
        witness: undefined,
        restartAt: 0,
        disk: { read: 0, held: new Map() },
      });
    }
  }

  async run(): Promise<SimulationResult> {
    const start = this.#cluster.time.now;
    for (const member of this.#cluster.members) {
      member.skewMs = Math.round((this.#random.next() * 2 - 1) * this.options.skewMs);
      for (const other of this.#cluster.members)
        this.#cluster.route(member.index, other.index).bytesPerMs = this.options.bytesPerMs;
      await this.#start(member);
    }
    for (let step = 0; step < this.options.steps; step++) {
      await this.#step();
      await this.#cluster.run(this.#random.between(0, this.options.pauseMs));
      for (const past of this.#past.values())
        if (past.witness?.failure !== undefined) throw past.witness.failure;
    }
    await this.#heal();
    if (this.#told !== undefined) throw this.#told;
    await this.#compare();
    const { events, now } = this.#cluster.time;
    await this.#cluster.close();
    return {
      seed: this.#seed,
      options: this.options,
      trace: this.#trace.digest('hex').slice(0, 16),
      events,
      writes: this.#writes,
      virtualMs: now - start,
      counts: this.#counts,
    };
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  #pastOf(member: Member): Past {
    return this.#past.get(member) as Past;
  }

  #delivered({ from, to, frame }: Delivery): void {
    this.#trace.update(`${this.#cluster.time.now} ${from} ${to} `);
    this.#trace.update(frame);
    const message = decodeMessage(frame);
    if (message.type === 'runs') this.#checkDurable(from, message.runs);
    if (message.type !== 'checkpoint' || !message.last) return;
    const member = this.#cluster.members.find(({ id }) => to === `ws://${id}`);
    if (member === undefined) return;
    this.#count('checkpoint');
    const past = this.#pastOf(member);
    past.adopted.add(message.table);
    const witness = past.witness?.tables.get(message.table);
    if (witness !== undefined) witness.adopted = true;
  }

  /** Nobody is told of a durable operation that is not on the teller's disk. */
  #checkDurable(from: string, runs: readonly Uint8Array[]): void {
    const member = this.#cluster.members.find(({ id }) => from === `ws://${id}`);
    if (member === undefined) return;
    const past = this.#pastOf(member);
    for (const segment of member.disk.segments.slice(past.disk.read)) {
      for (const { table, origin, firstSequence, count } of openSegmentBytes(segment).runs)
        past.disk.held.set(`${table} ${origin}`, firstSequence + count - 1);
    }
    past.disk.read = member.disk.segments.length;
    for (const { table, origin, firstSequence, count } of runs.map((bytes) => readRunHeader(bytes))) {
      const { backend } = worldTables[table as keyof typeof worldTables];
      const held = past.disk.held.get(`${table} ${origin}`) ?? 0;
      if (backend === 'memory' || past.adopted.has(table) || held >= firstSequence + count - 1) continue;
      this.#told ??= new Error(`${member.id} told ${table} ${origin} ${firstSequence} before it was on disk`);
    }
  }

  // Steps --------------------------------------------------------------------------------------------

  async #start(member: Member): Promise<void> {
    const past = this.#pastOf(member);
    // A node does not open on a full disk.
    if (this.#full === member.index) this.#full = -1;
    await this.#cluster.start(member.index, (node) => {
      for (const name of this.options.tables) node.table(name, worldTables[name as keyof typeof worldTables]);
      past.witness = new NodeWitness(node, this.#ledger, past);
    });
    await this.#cluster.run(0);
    const witness = past.witness as NodeWitness;
    if (witness.failure !== undefined) throw witness.failure;
    const due = past.operations.filter(({ position }) => position <= past.acknowledgedTo).length;
    if (witness.operations.length < due) {
      throw new Error(
        `${member.id} restarted with ${witness.operations.length} of ${due} acknowledged operations`,
      );
    }
  }

  /** Keeps what a member's disk may bring back. */
  #end(member: Member): void {
    const past = this.#pastOf(member);
    const durable = past.witness?.operations.filter(
      ({ table }) => worldTables[table as keyof typeof worldTables].backend === 'sqlite',
    );
    past.operations = durable ?? [];
    past.witness = undefined;
    past.restartAt = this.#cluster.time.now + this.#random.between(0, 20_000);
  }

  async #step(): Promise<void> {
    const { weights } = this.options;
    const names = Object.keys(weights) as FaultName[];
    let at = this.#random.next() * (100 + names.reduce((sum, name) => sum + weights[name], 0));
    for (const name of names) {
      at -= weights[name];
      if (at < 0) return this.#fault(name);
    }
    const member = this.#anyUp();
    if (member === undefined) return this.#fault('restart');
    this.#attempt(() => this.#write(member.up));
  }

  #anyUp(): Member | undefined {
    const up = this.#cluster.members.filter(({ node }) => node !== undefined);
    return up.length === 0 ? undefined : this.#random.pick(up);
  }

  #attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      // A full disk is no reason to stop; anything else is.
      if ((error as { code?: unknown }).code !== 'BACKEND_FULL') throw error;
      this.#count('write refused');
    }
  }

  #write(node: TableNode): void {
    const random = this.#random;
    const table = node.tables.get(random.pick(this.options.tables)) as Table;
    const key = `key ${random.between(1, this.options.keys)}`;
    this.#writes++;
    const kind = random.next();
    if (kind < 0.05) table.clear();
    else if (kind < 0.25) table.delete(key);
    else if (table.declaration.value === undefined) (table as SetTable).add(key);
    else if (table.declaration.value === 'string')
      (table as MapTable).set(key, 'x'.repeat(random.between(0, 40)) + String(this.#writes));
    else if (kind < 0.4) (table as MapTable).increment(key, 1);
    else (table as MapTable).set(key, this.#writes);
  }

  async #fault(name: FaultName): Promise<void> {
    this.#count(name);
    const random = this.#random;
    const cluster = this.#cluster;
    const member = this.#anyUp();
    const other = random.pick(cluster.members);
    if (name === 'heal') return this.#mend();
    if (name === 'restart') return this.#restart();
    if (name === 'diskFull') {
      this.#full = random.chance(0.5) ? -1 : random.between(0, this.options.size - 1);
      return;
    }
    if (member === undefined) return;
    if (name === 'batch') this.#attempt(() => this.#batch(member.up));
    else if (name === 'burst') this.#attempt(() => this.#burst(member.up));
    else if (name === 'flush') this.#flush(member);
    else if (name === 'crash') this.#crash(member);
    else if (name === 'stop') await this.#stop(member);
    else if (name === 'clockJump' && member.environment !== undefined)
      member.environment.skewMs = this.#skew();
    else if (name === 'partition') this.#isolate(member);
    else if (name === 'oneWayCut') cluster.route(member.index, other.index).cut = true;
    else if (name === 'reset') cluster.reset(member.index, other.index);
  }

  #skew(): number {
    return Math.round((this.#random.next() * 2 - 1) * this.options.skewMs);
  }

  #batch(node: TableNode): void {
    const throws = this.#random.chance(0.3);
    try {
      node.batch(() => {
        for (let count = this.#random.between(1, 12); count > 0; count--) this.#write(node);
        if (throws) throw new Planned();
      });
    } catch (error) {
      if (!(error instanceof Planned)) throw error;
    }
  }

  #burst(node: TableNode): void {
    for (let count = this.#random.between(100, 1500); count > 0; count--) this.#write(node);
  }

  #flush(member: Member): void {
    const past = this.#pastOf(member);
    const { witness } = past;
    const { position } = member.up.log;
    void member.up.flush().then(
      () => {
        if (past.witness !== witness) return undefined;
        past.acknowledgedTo = Math.max(past.acknowledgedTo, position);
        for (const operation of witness?.operations ?? []) {
          const { backend } = worldTables[operation.table as keyof typeof worldTables];
          if (operation.position <= position && backend === 'sqlite')
            this.#ledger.acknowledged.add(nameOf(operation));
        }
        return undefined;
      },
      () => undefined,
    );
  }

  #crash(member: Member): void {
    this.#end(member);
    this.#cluster.crash(member.index, this.#random.between(0, member.disk.underWay));
  }

  async #stop(member: Member): Promise<void> {
    // A node that waits for room on its disk does not stop in an orderly way.
    if (this.#full === member.index) this.#full = -1;
    const { up } = member;
    const { position } = up.log;
    const closing = up.close();
    member.node = undefined;
    const clean = await this.#cluster.time.until(
      closing.then(
        () => true,
        () => false,
      ),
    );
    const past = this.#pastOf(member);
    if (clean) past.acknowledgedTo = Math.max(past.acknowledgedTo, position);
    this.#end(member);
    this.#cluster.network.kill(`ws://${member.id}`);
  }

  async #restart(): Promise<void> {
    for (const member of this.#cluster.members) {
      const due = this.#healing || this.#pastOf(member).restartAt <= this.#cluster.time.now;
      if (member.node === undefined && due) await this.#start(member);
    }
  }

  #isolate(member: Member): void {
    for (const other of this.#cluster.members) {
      if (other !== member && this.#random.chance(0.7)) this.#cluster.setCut(member.index, other.index, true);
    }
  }

  #mend(): void {
    for (const one of this.#cluster.members)
      for (const other of this.#cluster.members) this.#cluster.route(one.index, other.index).cut = false;
    this.#cluster.network.changed();
  }

  // The end --------------------------------------------------------------------------------------------

  async #heal(): Promise<void> {
    this.#healing = true;
    this.#full = -1;
    this.#mend();
    await this.#restart();
    const deadline = this.#cluster.time.now + PATIENCE_MS;
    // Expiry is over when nothing is left to expire, so that no node is ahead of the others by it.
    await this.#cluster.run(10_000);
    for (;;) {
      await this.#cluster.run(1000);
      for (const { witness } of this.#past.values())
        if (witness?.failure !== undefined) throw witness.failure;
      const vectors = await this.#vectors();
      if (new Set(vectors).size === 1) break;
      if (this.#cluster.time.now > deadline)
        throw new Error(`not equal after ${PATIENCE_MS} ms:\n${vectors.join('\n')}`);
    }
  }

  /** What each node says it holds, as a stranger who dials it is told. */
  async #vectors(): Promise<string[]> {
    const found: string[] = [];
    for (const { id } of this.#cluster.members) {
      const hello = await this.#cluster.time.until(this.#greeting(`ws://${id}`));
      const tables = hello.tables.map(({ name, held }) => `${name} ${held.map(String).toSorted().join(' ')}`);
      found.push(tables.toSorted().join('; '));
    }
    return found;
  }

  async #greeting(
    address: string,
  ): Promise<Extract<ReturnType<typeof decodeMessage>, { type: 'hello' }>['hello']> {
    const stranger = this.#cluster.network.transport('ws://stranger');
    const connection = await stranger.dial(address, new AbortController().signal);
    const frame = await new Promise<Uint8Array>((resolve) => {
      connection.start({ frame: resolve, drain: () => undefined, closed: () => undefined });
    });
    connection.close('thank you');
    const message = decodeMessage(frame);
    if (message.type !== 'hello') throw new Error(`${address} began with ${message.type}`);
    return message.hello;
  }

  async #compare(): Promise<void> {
    const nodes = this.#cluster.members.map(({ up }) => up);
    for (const { witness } of this.#past.values()) {
      witness?.check();
      await this.#checkReplay(witness as NodeWitness);
    }
    await this.#checkAcknowledged();
    for (const name of this.options.tables) {
      const rows = nodes.map(
        (node) =>
          new Map(
            entriesOf(node.tables.get(name) as Table).map(([key, value]) => [textOf(key), textOf(value)]),
          ),
      );
      const keys = new Set(rows.flatMap((each) => [...each.keys()]));
      for (const key of keys) {
        const values = new Set(rows.map((each) => each.get(key)));
        if (values.size === 1) continue;
        this.#count('different key');
        if (!this.#wasReported(name, key, rows))
          throw new Error(
            `${name} ${key} differs, and nobody was told: ${rows.map((each) => each.get(key)).join(' | ')}`,
          );
      }
    }
  }

  /**
   * Whether somebody was told why a key differs. Of two nodes that ended differently, each applied the
   * other's last operation earlier: somewhere behind that a write met what its author had not seen.
   */
  #wasReported(table: string, key: string, rows: readonly Map<string, string>[]): boolean {
    if (!this.#ledger.reported.has(`${table} ${key}`)) return false;
    const { members } = this.#cluster;
    const exact = worldTables[table as keyof typeof worldTables];
    if ('writeExpire' in exact || 'createExpire' in exact) return true;
    const witnesses = members.map(
      (member) => this.#pastOf(member).witness?.tables.get(table) as TableWitness,
    );
    if (members.some(({ lives }) => lives > 1) || witnesses.some(({ adopted }) => adopted)) return true;
    return witnesses.every((one, index) =>
      witnesses.slice(index + 1).every((other, further) => {
        if (rows[index]?.get(key) === rows[index + 1 + further]?.get(key)) return true;
        const [here, there] = [one.lastTouch(key)?.name ?? '', other.lastTouch(key)?.name ?? ''];
        return one.reportedAfter(key, there) || other.reportedAfter(key, here);
      }),
    );
  }

  async #checkReplay(witness: NodeWitness): Promise<void> {
    const { node } = witness;
    const line = (operation: Operation): string =>
      `${operation.position} ${nameOf(operation)} ${contentOf(operation)}`;
    const trimmed = this.options.maxMemoryLogBytes !== undefined;
    if (!trimmed) {
      const replayed = (await this.#cluster.time.until(readLog(node, { after: 0 }))).map(line).join('\n');
      const live = witness.operations.map(line).join('\n');
      if (replayed !== live)
        throw new Error(`${node.id}: replay and live differ\nlive\n${live}\nreplayed\n${replayed}`);
    }
    for (const [name, { table }] of witness.tables) {
      if (trimmed && table.declaration.backend !== 'sqlite') continue;
      const state = await this.#cluster.time.until(node.log.stateAt({ table: name }));
      // A batch that threw may have moved a row to the end, so the order says nothing here.
      const [replayed, live] = [[...state], entriesOf(table)].map((entries) =>
        entries
          .map(([key, value]) => `${textOf(key)} ${textOf(value)}`)
          .toSorted()
          .join('\n'),
      );
      if (replayed !== live)
        throw new Error(`${node.id}, ${name}: replayed rows\n${replayed}\nlive rows\n${live}`);
    }
  }

  async #checkAcknowledged(): Promise<void> {
    const held = new Map<string, number>();
    const hello = await this.#cluster.time.until(this.#greeting('ws://n0'));
    for (const table of hello.tables)
      for (const [origin, sequence] of table.held) held.set(`${table.name} ${origin}`, sequence);
    for (const name of this.#ledger.acknowledged) {
      const [table = '', origin = '', sequence = ''] = name.split(' ');
      if ((held.get(`${table} ${origin}`) ?? 0) < Number(sequence))
        throw new Error(`acknowledged, but lost: ${name}`);
    }
  }
}

class Planned extends Error {}

/** Runs one world. Throws what was wrong. */
export function simulate(seed: number): Promise<SimulationResult> {
  return new Simulation(seed).run();
}
