import { createHash } from 'node:crypto';
import { Cluster, type Member } from '../support/cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { simulateAdversary } from './adversary/run.ts';
import { simulateClocks } from './clocks/run.ts';
import type { Ground } from './ground.ts';
import { Ledger } from './ledger.ts';
import { Outages } from './outages.ts';
import { type Past, newPast } from './past.ts';
import { Traffic } from './traffic.ts';
import { User } from './user.ts';
import { Verdict } from './verdict.ts';
import type { Surroundings } from './table-witness.ts';
import type { Step, World } from './world.ts';

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
  readonly #disks = { full: -1, failing: -1 };
  readonly #around: Surroundings;
  readonly #user: User;
  readonly #ground: Ground;
  readonly #outages: Outages;
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
    this.#ground = {
      world,
      cluster: this.#cluster,
      ledger: this.#ledger,
      around: this.#around,
      user: this.#user,
      trace: this.#trace,
      lossy: new Set(),
      disks: this.#disks,
      pastOf: (member) => this.#past.get(member) as Past,
      glance: () => this.#glance(),
    };
    this.#outages = new Outages(this.#ground);
    const traffic = new Traffic(this.#ground);
    this.#cluster.network.observe = (delivery) => traffic.delivered(delivery);
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
      if (member.index < options.size - options.late) await this.#outages.start(member);
      else this.#ground.pastOf(member).restartAt = Infinity;
    }
    for (const [index, step] of steps.entries()) {
      if (index === Math.floor(steps.length * 0.7)) await this.#outages.joinLate();
      await this.#step(step);
      await this.#cluster.run(step.pauseMs);
      this.#glance();
    }
    await this.#heal();
    const counts = await new Verdict({
      ...this.#ground,
      forked: () => this.#around.restored.size > 0,
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
    if (index === this.#disks.full) return 'full';
    if (index !== this.#disks.failing) return 'kept';
    this.#disks.failing = -1;
    return 'failed';
  }

  // Steps --------------------------------------------------------------------------------------------

  async #step({ kind, random: seed }: Step): Promise<void> {
    const random = new SeededRandom(seed);
    const { members } = this.#cluster;
    if (kind !== 'write') this.#count(kind);
    if (kind === 'heal') return this.#mend();
    const up = members.filter(({ node }) => node !== undefined);
    if (kind === 'restart' || up.length === 0) return this.#outages.restart();
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
        return this.#outages.flush(member);
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
        return this.#outages.crash(member, kind, random);
      case 'stop':
        return this.#outages.stop(member, random);
      case 'diskFull':
        this.#disks.full = random.chance(0.5) ? -1 : random.between(0, members.length - 1);
        return;
      case 'diskFail':
        this.#disks.failing = member.index;
        this.#ground.pastOf(member).failed = true;
        return;
      case 'restore':
        return this.#outages.restore(member, random);
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
    this.#disks.full = -1;
    this.#disks.failing = -1;
    this.#mend();
    await this.#outages.restart(true);
    await this.#outages.endForks();
  }
}

/** Runs one world. Throws what was wrong. */
export function simulate(world: World): Promise<SimulationResult> {
  const { adversary, clocks } = world.options;
  if (clocks === true) return simulateClocks(world);
  if (adversary !== undefined) return simulateAdversary(world, adversary);
  return new Simulation(world).run();
}
