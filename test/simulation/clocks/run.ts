import { createHash } from 'node:crypto';
import { Cluster, type Member } from '../../support/cluster.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import type { SimulationResult } from '../simulation.ts';
import type { Step, World } from '../world.ts';
import { TableWatch } from './watch.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** How far clocks jump while their nodes run, give or take a half. */
const JUMPS = [
  31 * DAY,
  31 * DAY,
  4 * MINUTE,
  10 * MINUTE,
  3 * 60 * MINUTE,
  500,
  -500,
  -10 * MINUTE,
  -31 * DAY,
];
/** Clocks that differ by no more agree. */
const AGREEING_MS = 5 * MINUTE;
/** Clocks are looked at no rarer than this, and a jump is believed by itself after an hour: no world stands still so long. */
const GLANCE_MS = 1000;
/** In this time nodes meet, believe clocks that are right, and take what they held back. */
const SETTLED_MS = 6 * MINUTE;

/** One world whose clocks are wrong. */
class ClockWorld {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #watches: readonly TableWatch[];
  readonly #counts: Record<string, number> = {};
  readonly #trace = createHash('sha256');
  #rightSince = 0;
  #value = 0;

  constructor(world: World) {
    const { size, topology, delayMs, commitMs, checkpointAfter } = world.options;
    this.#world = world;
    this.#cluster = new Cluster({ size, seed: world.seed, topology, delayMs, commitMs, checkpointAfter });
    const { time } = this.#cluster;
    const rightSince = (): number => this.#rightSince;
    const trueTime = {
      get now() {
        return time.now;
      },
      get rightSince() {
        return rightSince();
      },
    };
    this.#watches = Object.entries(world.options.tables).map(
      ([name, table]) => new TableWatch(name, table, trueTime),
    );
    this.#cluster.network.observe = ({ from, to, frame }) => {
      this.#trace.update(`${time.now} ${from} ${to} `);
      this.#trace.update(frame);
    };
  }

  async run(): Promise<SimulationResult> {
    const { time, members } = this.#cluster;
    const begin = time.now;
    const random = new SeededRandom(this.#world.seed);
    for (const member of members) {
      member.skewMs = this.#wrong(random);
      await this.#start(member);
    }
    for (const step of this.#world.steps) {
      await this.#step(step);
      await this.#pass(step.pauseMs);
    }
    await this.#settle();
    for (const watch of this.#watches) this.#judge(watch);
    await this.#writeLast(random);
    await this.#cluster.close();
    return {
      trace: this.#trace.digest('hex').slice(0, 16),
      events: time.events,
      writes: this.#value,
      applied: members.reduce((sum, { events }) => sum + events.length, 0),
      virtualMs: time.now - begin,
      counts: this.#counts,
    };
  }

  /** Clocks that are wrong when a node begins; two of them differ by less than the limit. */
  #wrong(random: SeededRandom): number {
    const skewMs = Math.round((random.next() * 2 - 1) * this.#world.options.skewMs);
    if (skewMs !== 0) this.#rightSince = Infinity;
    return skewMs;
  }

  get #up(): readonly Member[] {
    return this.#cluster.members.filter(({ node }) => node !== undefined);
  }

  async #pass(ms: number): Promise<void> {
    for (let left = ms; left >= 0; left -= GLANCE_MS) {
      await this.#cluster.run(Math.min(left, GLANCE_MS));
      for (const watch of this.#watches) watch.glance();
    }
  }

  async #start(member: Member): Promise<void> {
    await this.#cluster.start(member.index, (node) => {
      for (const { name, table } of this.#watches) node.table(name, table.declaration);
    });
    for (const watch of this.#watches) watch.open(member);
  }

  async #stop(member: Member): Promise<void> {
    for (const watch of this.#watches) watch.close(member);
    await this.#cluster.stop(member.index);
  }

  async #step({ kind, random: seed }: Step): Promise<void> {
    const random = new SeededRandom(seed);
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
    const member = random.pick(this.#cluster.members);
    const watch = random.pick(this.#watches);
    if (kind === 'heal') return this.#mend();
    if (kind === 'clockJump') return this.#jump(member, random);
    if (kind === 'clockCorrect') return this.#turn(member, 0);
    if (kind === 'partition') return this.#cut(member);
    if (kind === 'restart' && member.node === undefined) return this.#restart(member, random);
    if (member.node === undefined) return;
    if (kind === 'write') return this.#write(watch, member, random);
    if (kind === 'batch')
      return member.node.batch(() => {
        for (let count = 0; count < 3; count++) this.#write(random.pick(this.#watches), member, random);
      });
    if (kind === 'stop' && this.#up.length > 1) return this.#stop(member);
    if (kind === 'switch') return this.#switch(watch, member, random);
  }

  #write(watch: TableWatch, member: Member, random: SeededRandom): void {
    const key = `k${random.between(1, this.#world.options.keys)}`;
    if (random.chance(0.15)) watch.delete(member, key);
    else watch.set(member, key, ++this.#value);
  }

  /** One clock at a time: two that are wrong alike believe each other, and nobody can tell. */
  #jump(member: Member, random: SeededRandom): void {
    const others = this.#cluster.members.filter((other) => other !== member);
    if (others.some(({ skewMs }) => Math.abs(skewMs) > AGREEING_MS)) return;
    this.#turn(member, Math.round(random.pick(JUMPS) * (0.5 + random.next())));
  }

  #turn(member: Member, skewMs: number): void {
    if (member.environment === undefined || member.node === undefined) return;
    member.environment.skewMs = skewMs;
    member.skewMs = skewMs;
    if (skewMs !== 0) this.#rightSince = Infinity;
  }

  async #restart(member: Member, random: SeededRandom): Promise<void> {
    member.skewMs = random.chance(0.5) ? 0 : this.#wrong(random);
    await this.#start(member);
  }

  #cut(member: Member): void {
    for (const other of this.#cluster.members)
      if (other !== member) this.#cluster.setCut(member.index, other.index, true);
  }

  #mend(): void {
    for (const one of this.#cluster.members)
      for (const other of this.#cluster.members)
        if (one !== other) this.#cluster.setCut(one.index, other.index, false);
  }

  /** Everybody has heard of everything before: what was written without knowing of a switch is dated anew. */
  async #switch(watch: TableWatch, member: Member, random: SeededRandom): Promise<void> {
    if (!watch.table.switched) return;
    await this.#settle();
    const switching = watch.of(member).switchMode(random.pick(this.#world.options.modes));
    await this.#cluster.time.until(switching);
    this.#counts['switched'] = (this.#counts['switched'] ?? 0) + 1;
    await this.#pass(random.pick([0, 2000]));
  }

  async #settle(): Promise<void> {
    this.#mend();
    for (const member of this.#cluster.members) {
      if (member.node === undefined) {
        member.skewMs = 0;
        await this.#start(member);
      }
      this.#turn(member, 0);
    }
    await this.#pass(SETTLED_MS);
    // Right, and believed: a clock that is corrected while nobody agrees is not, for an hour.
    this.#rightSince = Math.min(this.#rightSince, this.#cluster.time.now);
  }

  #judge(watch: TableWatch): void {
    const { members } = this.#cluster;
    const modes = new Set(members.map((member) => watch.of(member).mode));
    if (modes.size > 1) throw new Error(`${watch.name} is in ${[...modes].join(' and ')}`);
    watch.judge(members);
    if (modes.has('naive')) return;
    const [first, ...others] = members.map((member) => rowsOf(watch, member));
    for (const [index, rows] of others.entries())
      if (rows !== first) throw new Error(`${watch.name} differs: n0 has ${first}, n${index + 1} ${rows}`);
  }

  /** With right clocks, each node in turn has the last word, and it is heard. */
  async #writeLast(random: SeededRandom): Promise<void> {
    for (const member of this.#cluster.members)
      for (const watch of this.#watches) {
        const value = ++this.#value;
        // A row that goes on with an earlier one may be over soon.
        watch.delete(member, 'k1');
        watch.set(member, 'k1', value);
        await this.#pass(random.between(500, 1500));
        const shown = this.#cluster.members.map((other) => watch.of(other).get('k1'));
        if (shown.some((each) => each !== value))
          throw new Error(
            `${member.id} wrote ${watch.name} k1 = ${value}, and nodes show ${shown.join(', ')}`,
          );
      }
  }
}

function rowsOf(watch: TableWatch, member: Member): string {
  return [...watch.of(member).entries()]
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(' ');
}

/** Runs a world whose faults are its clocks. Throws what was wrong. */
export function simulateClocks(world: World): Promise<SimulationResult> {
  return new ClockWorld(world).run();
}
