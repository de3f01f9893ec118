import { createHash } from 'node:crypto';
import type { Operation } from '../../src/index.ts';
import { type RunHeader, readRunHeader } from '../../src/log/runs/run.ts';
import { openSegmentBytes } from '../../src/log/keeping/segment-store.ts';
import { decodeMessage } from '../../src/replication/wire/wire.ts';
import { Cluster, type Member } from '../support/cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import type { Delivery } from '../support/simulated-network.ts';
import { simulateAdversary } from './adversary/run.ts';
import { simulateClocks } from './clocks/run.ts';
import { differentLives, heldOnDisks, vectorOfHeader } from './held-on-disk.ts';
import { Ledger, nameOf } from './ledger.ts';
import { type Past, newPast } from './past.ts';
import { User } from './user.ts';
import { Verdict } from './verdict.ts';
import { NodeWitness } from './node-witness.ts';
import type { Surroundings } from './table-witness.ts';
import type { Step, World } from './world.ts';

type CheckpointMessage = Extract<ReturnType<typeof decodeMessage>, { type: 'checkpoint' }>;

/** In this time nodes meet again, also where one side has not noticed yet that the other was gone: 15 s of silence, and a pause. */
const RESTORED_MS = 40_000;

/** What a run came to. */
export interface SimulationResult {
  /** Equal for equal runs. */
  readonly trace: string;
  readonly events: number;
  /** Writes of users, and operations applied on all nodes together. */
  readonly writes: number;
  readonly applied: number;
  readonly virtualMs: number;
  /** How often each kind of step was taken, and what else happened. */
  readonly counts: Readonly<Record<string, number>>;
}

/** One world from its first step to its end. */
class Simulation {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #ledger = new Ledger();
  readonly #past = new Map<Member, Past>();
  readonly #trace = createHash('sha256');
  readonly #counts: Record<string, number> = {};
  readonly #epochs = new Map<string, string>();
  /** Per path and table, the version vector of the checkpoint that is on its way. */
  readonly #headers = new Map<string, readonly (readonly [origin: string, sequence: number])[]>();
  /** Nodes whose disk forgot what peers have. */
  readonly #lossy = new Set<string>();
  readonly #around: Surroundings;
  readonly #user: User;
  #full = -1;
  #failing = -1;
  #told: unknown;

  constructor(world: World) {
    this.#world = world;
    const {
      size,
      topology,
      delayMs,
      commitMs,
      durability,
      checkpointAfter,
      slices,
      maxMemoryLogBytes,
      keepOperations,
    } = world.options;
    this.#cluster = new Cluster({
      size,
      seed: world.seed,
      topology,
      delayMs,
      commitMs,
      durability,
      checkpointAfter,
      slices,
      retention: keepOperations === undefined ? undefined : { operations: keepOperations },
      limits: maxMemoryLogBytes === undefined ? {} : { maxMemoryLogBytes },
      outcome: (index) => this.#outcome(index),
    });
    this.#around = {
      ledger: this.#ledger,
      tables: world.options.tables,
      restored: new Set(),
      forked: new Set(),
      trims: keepOperations !== undefined,
      checkpoints: checkpointAfter !== undefined,
      userWrites: false,
      count: (what) => this.#count(what),
      fail: (error) => {
        this.#told ??= error;
      },
    };
    this.#user = new User(world.options, this.#around);
    this.#cluster.network.observe = (delivery) => this.#delivered(delivery);
    for (const member of this.#cluster.members) {
      this.#past.set(member, newPast());
    }
  }

  async run(): Promise<SimulationResult> {
    const { time, members } = this.#cluster;
    const start = time.now;
    const { options, steps, seed } = this.#world;
    const random = new SeededRandom(seed);
    for (const member of members) {
      member.skewMs = this.#skew(random);
      for (const other of members)
        this.#cluster.route(member.index, other.index).bytesPerMs = options.bytesPerMs ?? Infinity;
      if (member.index < options.size - options.late) await this.#start(member);
      else this.#pastOf(member).restartAt = Infinity;
    }
    for (const [index, step] of steps.entries()) {
      if (index === Math.floor(steps.length * 0.7)) await this.#joinLate();
      await this.#step(step);
      await this.#cluster.run(step.pauseMs);
      this.#glance();
    }
    await this.#heal();
    const counts = await new Verdict({
      cluster: this.#cluster,
      world: this.#world,
      ledger: this.#ledger,
      pastOf: (member) => this.#pastOf(member),
      glance: () => this.#glance(),
      forked: () => this.#around.restored.size > 0,
      lossy: this.#lossy,
      userWrites: (writing) => (this.#around.userWrites = writing),
      count: (what) => this.#count(what),
    })
      .reach()
      .then(() => this.#counts);
    const { events, now } = time;
    const applied = [...this.#past.values()].reduce(
      (sum, { witness }) => sum + (witness?.operations.length ?? 0),
      0,
    );
    await this.#cluster.close();
    for (const member of members) for (const { code } of member.events) this.#trace.update(code);
    return {
      trace: this.#trace.digest('hex').slice(0, 16),
      events,
      writes: this.#user.writes,
      applied,
      virtualMs: now - start,
      counts,
    };
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  #pastOf(member: Member): Past {
    return this.#past.get(member) as Past;
  }

  /** What can be looked at at any moment. */
  #glance(): void {
    if (this.#told !== undefined) throw this.#told;
    for (const [member, past] of this.#past) {
      past.witness?.glance();
      const position = member.node?.log.position ?? past.position;
      if (position < past.position)
        throw new Error(`${member.id} went back from ${past.position} to ${position}`);
      past.position = position;
    }
  }

  #outcome(index: number): 'kept' | 'full' | 'failed' {
    if (index === this.#full) return 'full';
    if (index !== this.#failing) return 'kept';
    this.#failing = -1;
    return 'failed';
  }

  // What travels ---------------------------------------------------------------------------------------

  #delivered({ from, to, frame }: Delivery): void {
    this.#trace.update(`${this.#cluster.time.now} ${from} ${to} `);
    this.#trace.update(frame);
    const message = decodeMessage(frame);
    if (message.type === 'runs') for (const bytes of message.runs) this.#noteRun(readRunHeader(bytes));
    // What is trimmed at once cannot be looked for.
    if (message.type === 'runs' && !this.#around.trims) this.#checkDurable(from, message.runs);
    if (message.type !== 'checkpoint') return;
    this.#noteCovered(`${from} ${to} ${message.table}`, message);
    if (!message.last) return;
    const member = this.#cluster.members.find(({ id }) => to === `ws://${id}`);
    if (member === undefined) return;
    const past = this.#pastOf(member);
    past.adopted.add(message.table);
    const witness = past.witness?.tables.get(message.table);
    if (witness !== undefined) witness.adopted = true;
  }

  /** Notes what a checkpoint covers when all of it is there. */
  #noteCovered(path: string, { table, index, last, chunk }: CheckpointMessage): void {
    if (index === 0) this.#headers.set(path, vectorOfHeader([chunk]));
    if (last) this.#ledger.sumUp(table, this.#headers.get(path) ?? []);
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
      const held = past.disk.held.get(`${table} ${origin}`) ?? 0;
      const durable = this.#world.options.tables[table]?.declaration.backend === 'sqlite';
      // What was on disk when it was sent may be lost by the time it arrives.
      const lost = this.#lossy.has(member.id);
      if (!durable || lost || past.adopted.has(table) || held >= firstSequence + count - 1) continue;
      this.#told ??= new Error(`${member.id} told ${table} ${origin} ${firstSequence} before it was on disk`);
    }
  }

  #noteRun({ table, origin, firstSequence, count, epoch }: RunHeader): void {
    this.#ledger.send(table, origin, firstSequence + count - 1);
    if (epoch === undefined) return;
    const name = `${table} ${epoch.counter}`;
    const known = this.#epochs.get(name);
    if (known === undefined) this.#epochs.set(name, epoch.origin);
    else if (known !== epoch.origin) this.#count('two switches at once');
  }

  // Steps --------------------------------------------------------------------------------------------

  async #start(member: Member): Promise<void> {
    const past = this.#pastOf(member);
    // A node does not open on a full disk.
    if (this.#full === member.index) this.#full = -1;
    if (this.#failing === member.index) this.#failing = -1;
    past.failed = false;
    const { trimmedTo, checkpoints } = member.disk;
    if (trimmedTo > 0) this.#count('started from a trimmed log');
    if (checkpoints.size > 0) this.#count('started from a checkpoint');
    await this.#cluster.start(member.index, (node) => {
      const loadedTo = node.log.position;
      for (const [name, { declaration }] of Object.entries(this.#world.options.tables))
        node.table(name, declaration);
      past.witness = new NodeWitness(node, this.#around, { ...past, loadedTo, trimmedTo });
    });
    const { position } = member.up.log;
    if (position < past.acknowledgedTo)
      throw new Error(
        `${member.id} came back at position ${position}, and ${past.acknowledgedTo} was on disk`,
      );
    past.position = position;
  }

  async #joinLate(): Promise<void> {
    for (const member of this.#cluster.members) {
      if (this.#pastOf(member).restartAt !== Infinity) continue;
      this.#count('late joiner');
      await this.#start(member);
    }
  }

  /** Keeps what a member's disk may bring back. */
  #end(member: Member, random: SeededRandom): void {
    const past = this.#pastOf(member);
    past.witness?.end();
    past.operations = past.witness?.operations.filter((operation) => this.#isDurable(operation)) ?? [];
    past.witness = undefined;
    past.restartAt = this.#cluster.time.now + random.between(0, 20_000);
  }

  #isDurable({ table }: Operation): boolean {
    return this.#world.options.tables[table]?.declaration.backend === 'sqlite';
  }

  async #step({ kind, random: seed }: Step): Promise<void> {
    const random = new SeededRandom(seed);
    const { members } = this.#cluster;
    if (kind !== 'write') this.#count(kind);
    if (kind === 'heal') return this.#mend();
    const up = members.filter(({ node }) => node !== undefined);
    if (kind === 'restart' || up.length === 0) return this.#restart();
    const member = random.pick(up);
    const other = random.pick(members);
    switch (kind) {
      case 'write':
        return this.#user.write(member.up, random);
      case 'batch':
        return this.#user.batch(member.up, random);
      case 'burst':
        return this.#user.burst(member.up, random, this.#heavy ? 60 : 500);
      case 'flush':
        return this.#flush(member);
      case 'switch':
        return this.#switch(member, random);
      case 'switchBoth':
        for (const each of up.slice(0, 2)) this.#switch(each, random);
        return;
      case 'partition':
        return this.#isolate(member, random);
      case 'oneWayCut':
        this.#cluster.route(member.index, other.index).cut = true;
        return;
      case 'reset':
        return this.#cluster.reset(member.index, other.index);
      case 'crash':
      case 'powerLoss':
        return this.#crash(member, kind, random);
      case 'stop':
        return this.#stop(member, random);
      case 'diskFull':
        this.#full = random.chance(0.5) ? -1 : random.between(0, members.length - 1);
        return;
      case 'diskFail':
        this.#failing = member.index;
        this.#pastOf(member).failed = true;
        return;
      case 'restore':
        return this.#restore(member, random);
      case 'clockJump':
        if (member.environment !== undefined) member.environment.skewMs = this.#skew(random);
    }
  }

  get #heavy(): boolean {
    return Object.values(this.#world.options.tables).some(
      ({ declaration }) => declaration.mode === 'automerge',
    );
  }

  #skew(random: SeededRandom): number {
    return Math.round((random.next() * 2 - 1) * this.#world.options.skewMs);
  }

  #switch(member: Member, random: SeededRandom): void {
    const { members } = this.#cluster;
    const cut = members.some((one) =>
      members.some((other) => this.#cluster.route(one.index, other.index).cut),
    );
    if (cut) this.#count('switch while links are cut');
    this.#user.switchMode(member.up, random);
  }

  #flush(member: Member): void {
    const past = this.#pastOf(member);
    const { witness } = past;
    const { position } = member.up.log;
    void member.up.flush().then(
      () => {
        if (past.witness !== witness || witness === undefined) return undefined;
        // At `interval` a loss of power may take what was acknowledged.
        if (this.#world.options.durability === 'commit') this.#acknowledge(past, witness, position);
        return undefined;
      },
      () => undefined,
    );
  }

  #acknowledge(past: Past, { operations }: NodeWitness, position: number): void {
    for (const operation of operations) {
      if (operation.position > position || !this.#isDurable(operation)) continue;
      this.#ledger.acknowledged.add(nameOf(operation));
      past.acknowledgedTo = Math.max(past.acknowledgedTo, operation.position);
    }
  }

  #crash(member: Member, kind: 'crash' | 'powerLoss', random: SeededRandom): void {
    const { disk } = member;
    // The worst moment is right after a write.
    if (random.chance(0.5)) this.#user.write(member.up, random);
    const kept = random.between(0, disk.underWay);
    const unsyncedLost = kind === 'powerLoss' && kept === 0 ? random.between(0, disk.atRisk) : 0;
    const torn = unsyncedLost === 0 && kept < disk.underWay && random.chance(0.5);
    if (torn) this.#count('torn write');
    if (unsyncedLost > 0) {
      this.#count('unsynced writes lost');
      this.#lossy.add(member.id);
    }
    this.#end(member, random);
    this.#cluster.crash(member.index, { kept, unsyncedLost, torn });
    this.#forgetDisk(member);
  }

  /** Takes a backup of a running node, or puts an earlier one back. */
  async #restore(member: Member, random: SeededRandom): Promise<void> {
    const past = this.#pastOf(member);
    const { disk } = member;
    if (past.backup === undefined || random.chance(0.3)) {
      const operations = (past.witness?.operations ?? []).filter(
        (operation) => this.#isDurable(operation) && operation.position <= disk.lastPosition,
      );
      past.backup = { copy: disk.copy(), operations };
      return;
    }
    this.#count('restored');
    this.#end(member, random);
    this.#cluster.crash(member.index);
    disk.restore(past.backup.copy);
    past.operations = past.backup.operations;
    this.#around.restored.add(member.id);
    this.#lossy.add(member.id);
    this.#afterLoss(member);
    await this.#start(member);
  }

  /** What only a member had on its disk is gone. */
  #afterLoss(member: Member): void {
    this.#pastOf(member).acknowledgedTo = 0;
    const disks = this.#cluster.members.map(({ disk }) => disk);
    this.#ledger.forget(this.#around.restored, heldOnDisks(disks));
    this.#forgetDisk(member);
  }

  /** Nodes that wrote on an older disk before they met their peer are told of it, and start anew from an empty one. */
  async #endForks(): Promise<void> {
    const { members } = this.#cluster;
    if (this.#around.restored.size === 0) return;
    // Rows that expire are written of without a user, as soon as the older disk is there.
    await this.#cluster.run(RESTORED_MS);
    this.#glance();
    const parted = members.flatMap((one, index) =>
      members.slice(0, index).flatMap((other) => differentLives(one.disk, other.disk)),
    );
    for (const name of parted) this.#checkTold(name);
    for (const member of members) {
      if (!parted.some((name) => name.includes(` ${member.id}@`))) continue;
      this.#count('forked');
      const past = this.#pastOf(member);
      this.#end(member, new SeededRandom(1));
      this.#cluster.crash(member.index);
      member.disk.restore(new SimulatedDisk().copy());
      past.operations = [];
      past.adopted.clear();
      this.#afterLoss(member);
      await this.#start(member);
    }
  }

  /** Somebody was told of a life, as `table origin`, of which two nodes hold different operations. */
  #checkTold(name: string): void {
    const [table = ''] = name.split(' ');
    const isOf = ({ code, table: of }: Member['events'][number]): boolean =>
      code === 'fork-detected' && of === table;
    if (!this.#cluster.members.some(({ events }) => events.some(isOf)))
      throw new Error(`a name stands for two operations, and nobody was told: ${name}`);
  }

  /** What is told next may stand where something else was lost. */
  #forgetDisk(member: Member): void {
    const { disk } = this.#pastOf(member);
    disk.read = 0;
    disk.held.clear();
  }

  async #stop(member: Member, random: SeededRandom): Promise<void> {
    // A node that waits for room on its disk does not stop in an orderly way.
    if (this.#full === member.index) this.#full = -1;
    const { up } = member;
    const { position } = up.log;
    const past = this.#pastOf(member);
    const { witness } = past;
    const closing = up.close();
    member.node = undefined;
    const clean = await this.#cluster.time.until(
      closing.then(
        () => true,
        () => false,
      ),
    );
    if (clean && witness !== undefined) this.#acknowledge(past, witness, position);
    this.#end(member, random);
    this.#cluster.network.kill(`ws://${member.id}`);
  }

  /** Starts what is due, and starts anew what a failed disk has stopped. */
  async #restart(all = false): Promise<void> {
    const random = new SeededRandom(1);
    for (const member of this.#cluster.members) {
      const past = this.#pastOf(member);
      if (member.node !== undefined && past.failed) this.#crash(member, 'crash', random);
      const due = all || past.restartAt <= this.#cluster.time.now;
      if (member.node === undefined && due) await this.#start(member);
    }
  }

  #isolate(member: Member, random: SeededRandom): void {
    for (const other of this.#cluster.members) {
      if (other !== member && random.chance(0.7)) this.#cluster.setCut(member.index, other.index, true);
    }
  }

  #mend(): void {
    for (const one of this.#cluster.members)
      for (const other of this.#cluster.members) this.#cluster.route(one.index, other.index).cut = false;
    this.#cluster.network.changed();
  }

  async #heal(): Promise<void> {
    this.#full = -1;
    this.#failing = -1;
    this.#mend();
    await this.#restart(true);
    await this.#endForks();
  }
}

/** Runs one world. Throws what was wrong. */
export function simulate(world: World): Promise<SimulationResult> {
  const { adversary, clocks } = world.options;
  if (clocks === true) return simulateClocks(world);
  if (adversary !== undefined) return simulateAdversary(world, adversary);
  return new Simulation(world).run();
}
