import { createHash } from 'node:crypto';
import type { NodeEvent, SetTable, Table, TableNode } from '../../../src/index.ts';
import { openNodeOf } from '../../../src/node/open-node.ts';
import { MAX_NOTICES_OF_PEER } from '../../../src/replication/costs/notices.ts';
import { Cluster, type Member } from '../../support/cluster.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { threadTime, timeThatPasses } from '../../support/thread-time.ts';
import type { SimulationResult } from '../simulation.ts';
import type { AdversaryOptions, Step, World } from '../world.ts';
import { BRIEF, rowsComeAndGo } from './brief.ts';
import { OPEN } from './draw.ts';
import { KeptTooMuch, flood, floods } from './flood.ts';
import { EVE } from './grammar.ts';
import { HonestUsers } from './honest.ts';
import { Knowledge } from './knowledge.ts';
import { Tampering } from './peer.ts';

const ADDRESS = `ws://${EVE}`;
/** In this time what was written must be everywhere, whatever the adversary says. */
const LIMIT_MS = 60_000;
/** Most events that one node may tell of in a world. */
const MOST_EVENTS = 150;
/** Bytes that honest nodes send in a world without much being said: to the adversary, and to each other. */
const MOST_ANSWERED: number = 1024 * 1024;
/** What a node may send an adversary in a second that floods it, beside what it says; four seconds of it at once. */
const ANSWERED_PER_SECOND: number = 1024 * 1024;
const MOST_AMONG: number = 256 * 1024;
/** Most processor time of one event of the simulation, in microseconds. */
const SLICE_MICROSECONDS = 50_000;

/** Codes that an adversary must not raise where it may not write and relay. */
const ALARMS: ReadonlySet<string> = new Set([
  'fork-detected',
  'table-diverged',
  'backend-failed',
  'epoch-began',
  'node-id-twice',
  'clock-jumped',
]);

/** One world with an adversary. */
class AdversaryWorld {
  readonly #world: World;
  readonly #adversary: AdversaryOptions;
  readonly #cluster: Cluster;
  readonly #users: HonestUsers;
  readonly #tampering: Tampering;
  readonly #trace = createHash('sha256');
  readonly #counts: Record<string, number> = {};
  /** Nodes that were stopped on purpose since: that others lost them is no fault. */
  #restarts = 0;
  #eve: TableNode | undefined;
  #longest = 0;
  /** What of the event that runs was spent at her end, in milliseconds. */
  #hersMs = 0;
  #mostEvents = MOST_EVENTS;
  /** Each question about the sums of a table is answered by some hundred kilobytes, up to what a node may send. */
  #isAnsweredMuch = false;

  /** With `exactly` turns are judged by the processor time they take. */
  constructor(world: World, adversary: AdversaryOptions, exactly: boolean) {
    this.#world = world;
    this.#adversary = adversary;
    const { options, seed } = world;
    this.#cluster = new Cluster({ ...options, seed });
    this.#users = new HonestUsers(options);
    const { network, time, random } = this.#cluster;
    network.rightsOf = (address) => (address === ADDRESS ? adversary.rights : undefined);
    network.observe = ({ from, to, frame }) => {
      this.#trace.update(`${from} ${to} `).update(frame);
      if (from !== ADDRESS)
        this.#count(to === ADDRESS ? 'bytes to the adversary' : 'bytes among the honest', frame.length);
    };
    const declarations = Object.fromEntries(
      Object.entries(options.tables).map(([name, { declaration }]) => [name, declaration]),
    );
    this.#tampering = new Tampering(network.transport(ADDRESS), random.fork(), {
      known: new Knowledge(declarations),
      now: () => time.now,
      behaviour: adversary,
    });
    this.#measure(exactly);
  }

  async run(): Promise<SimulationResult> {
    const { time, members } = this.#cluster;
    for (const { index } of members) await this.#start(index);
    await this.#openEve();
    await this.#cluster.run(200);
    for (const step of this.#world.steps) {
      await this.#take(step, new SeededRandom(step.random));
      await this.#cluster.run(step.pauseMs);
    }
    if (floods(this.#world)) await this.#flood();
    await this.#end();
    const virtualMs = time.now - BEGIN;
    const { events } = time;
    this.#count('said by the adversary', this.#tampering.said);
    this.#count('bytes said by the adversary', this.#tampering.saidBytes);
    const { writes } = this.#users;
    return { trace: this.#trace.digest('hex'), events, writes, applied: 0, virtualMs, counts: this.#counts };
  }

  async #start(index: number): Promise<void> {
    const member = this.#cluster.member(index);
    member.skewMs = index * this.#world.options.skewMs;
    await this.#cluster.start(index, (node) => this.#declare(node));
  }

  #declare(node: TableNode): void {
    for (const [name, { declaration }] of Object.entries(this.#world.options.tables))
      node.table(name, declaration);
  }

  async #openEve(): Promise<void> {
    const { time, random, members } = this.#cluster;
    const opening = openNodeOf(
      { id: EVE, peers: members.map(({ id }) => `ws://${id}`) },
      { environment: time.environment(random.fork()), transport: this.#tampering },
    ).then((node) => {
      for (const [name, { declaration }] of Object.entries(this.#world.options.tables))
        node.table(name, { ...declaration, backend: 'memory' });
      return node;
    });
    this.#eve = await time.until(opening);
  }

  async #take({ kind }: Step, random: SeededRandom): Promise<void> {
    const member = random.pick(this.#cluster.members);
    this.#count(kind);
    switch (kind) {
      case 'write':
        return this.#users.write(member.up, random);
      case 'batch':
        return member.up.batch(() => {
          for (let count = random.between(2, 8); count > 0; count--) this.#users.write(member.up, random);
        });
      case 'hostile':
        return this.#tampering.speak(random, 6);
      case 'storm':
        this.#isAnsweredMuch ||= this.#tampering.storm(random, random.pick([50, 300])) === 'ask';
        return;
      case 'hangUp':
        return this.#tampering.hangUp();
      case 'eveWrites':
        return this.#eveWrites(random);
      case 'restart':
        return this.#restart(member);
      case 'switch':
        return this.#switch(random);
      default:
        throw new Error(`no step of such a world: ${kind}`);
    }
  }

  #eveWrites(random: SeededRandom): void {
    const eve = this.#eve as TableNode;
    try {
      // She writes keys of others, also in tables of which nothing is taken from her.
      this.#users.impersonate(eve, random);
    } catch {
      this.#count('the adversary could not write');
    }
  }

  async #restart(member: Member): Promise<void> {
    // Memory tables come back from the others.
    if (this.#cluster.members.length === 1) return;
    await this.#quiet(`before the restart of ${member.id}`);
    this.#restarts++;
    await this.#cluster.stop(member.index);
    await this.#start(member.index);
    await this.#quiet(`after the restart of ${member.id}`);
  }

  async #switch(random: SeededRandom): Promise<void> {
    const { members, time } = this.#cluster;
    await this.#quiet('before a switch');
    const table = members[0]?.up.tables.get(random.pick(this.#users.closed));
    const mode = random.pick(this.#world.options.modes);
    if (table !== undefined) await time.until(table.switchMode(mode));
    await this.#quiet('after a switch');
  }

  /** Waits until all honest nodes have what they wrote, and nothing else, where the adversary may not write. */
  async #quiet(when: string): Promise<void> {
    const { time, members } = this.#cluster;
    const difference = (): string | undefined => {
      for (const { up } of members) {
        const found = this.#users.difference(up);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    if (!(await time.runUntil(() => difference() === undefined, LIMIT_MS)))
      throw new Error(`${when}: ${difference()}`);
  }

  /** Says much more than in other worlds; each node may then tell as much as it may tell of one peer. */
  async #flood(): Promise<void> {
    const quiet = (when: string): Promise<void> => this.#quiet(when);
    const { seed } = this.#world;
    this.#count('bytes of floods', await flood(this.#cluster, this.#tampering, { seed, quiet }));
    this.#mostEvents += MAX_NOTICES_OF_PEER;
    this.#isAnsweredMuch = true;
  }

  async #end(): Promise<void> {
    const random = new SeededRandom(this.#world.seed);
    for (const { up } of this.#cluster.members) this.#users.writeAll(up, random);
    await this.#quiet('in the end');
    // Long enough for a look at tables at rest, and for what waits to be said.
    await this.#cluster.run(5000);
    await this.#quiet('at rest');
    if (BRIEF in this.#world.options.tables) await rowsComeAndGo(this.#cluster);
    for (const member of this.#cluster.members) this.#judge(member);
    this.#judgeBytes();
    if (this.#longest > SLICE_MICROSECONDS) throw new SliceTooLong(this.#longest);
    // Half of the worlds, because it takes half of their time.
    if (this.#world.seed % 2 === 0)
      for (const { index } of this.#cluster.members) await this.#restartFromDisk(index);
    await this.#cluster.close();
  }

  /** What was taken from the adversary stands in the log, and must be read again. */
  async #restartFromDisk(index: number): Promise<void> {
    if (this.#cluster.members.length === 1) return;
    this.#restarts++;
    await this.#cluster.stop(index);
    await this.#start(index);
    await this.#quiet(`after n${index} was started again`);
  }

  /** Whether anything was taken of the adversary at all. */
  #countTaken(up: TableNode): void {
    for (const [name] of Object.entries(this.#world.options.tables)) {
      const table = up.tables.get(name) as Table;
      this.#count(name === OPEN ? 'rows of the open table' : 'rows of closed tables', table.size);
    }
    if ((up.tables.get(OPEN) as SetTable | undefined)?.has('eve 1') === true)
      this.#count('a row of the adversary');
  }

  #judge(member: Member): void {
    this.#countTaken(member.up);
    const { rights } = this.#adversary;
    const mayWrite = (rights.write?.length ?? 0) > 0;
    const { events, up } = member;
    if (events.length > this.#mostEvents) throw new Error(`${member.id} told ${events.length} events`);
    for (const event of events) {
      const { code, peer, table } = event;
      if (peer === EVE) this.#count(`told: ${code}`);
      const isHonest = peer !== undefined && /^(?:ws:\/\/)?n\d$/.test(peer);
      if (
        isHonest &&
        table !== OPEN &&
        this.#restarts === 0 &&
        (event.severity !== 'info' || code === 'peer-lost')
      )
        throw new Error(`${member.id} told of an honest node: ${told(event)}`);
      const ofOpen = table === OPEN && (mayWrite || code === 'table-diverged');
      // A life that a peer knows more of begins anew once per start, in all tables of its store.
      if (ALARMS.has(code) && !ofOpen && !(code === 'epoch-began' && mayWrite && rights.origins === 'relay'))
        throw new Error(`${member.id} was alarmed: ${told(event)}`);
    }
    for (const name of this.#users.closed)
      if (up.tables.get(name)?.mode !== this.#cluster.node(0).tables.get(name)?.mode)
        throw new Error(`${member.id} has ${name} in another mode`);
  }

  /** What honest nodes send because of the adversary is bounded by what it sends. */
  #judgeBytes(): void {
    const { saidBytes } = this.#tampering;
    const sent = this.#counts['bytes to the adversary'] ?? 0;
    const among = this.#counts['bytes among the honest'] ?? 0;
    const seconds = (this.#cluster.time.now - BEGIN) / 1000;
    const most = this.#isAnsweredMuch
      ? this.#cluster.members.length * (4 + seconds) * ANSWERED_PER_SECOND
      : 0;
    if (sent > MOST_ANSWERED + most + saidBytes * 8)
      throw new Error(`${sent} bytes went to the adversary for ${saidBytes}`);
    if (among > MOST_AMONG + saidBytes * 4)
      throw new Error(`${among} bytes among the honest for ${saidBytes}`);
  }

  /** Notes how long the longest event took that virtual time ran: a cheap clock at first, the processor's own where it matters. */
  #measure(exactly: boolean): void {
    const { time } = this.#cluster;
    const schedule = time.schedule.bind(time);
    const timing = exactly ? threadTime : timeThatPasses;
    time.schedule = (delayMs, task) =>
      schedule(delayMs, () => {
        const passed = timing();
        this.#hersMs = 0;
        task();
        this.#longest = Math.max(this.#longest, (passed() - this.#hersMs) * 1000);
      });
    this.#tampering.aside = (task) => {
      const passed = timing();
      task();
      this.#hersMs += passed();
    };
  }

  #count(what: string, by = 1): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + by;
  }
}

const BEGIN = new Cluster({ size: 1 }).time.now;

/** Work of one event took longer than a turn of the event loop may. */
class SliceTooLong extends Error {
  constructor(microseconds: number) {
    super(`one turn took ${(microseconds / 1000).toFixed(1)} ms of processor time`);
  }
}

function told({ code, message, severity }: NodeEvent): string {
  return `${code} (${severity}): ${message}`;
}

/**
 * A turn that took long is looked at again, by processor time: the machine may have been busy with something else. So is
 * what is kept: code that ran for the first time counts as well.
 */
const TRIES = 4;

/** Runs a world with an adversary in it; throws when a promise to the honest nodes is broken. */
export async function simulateAdversary(
  world: World,
  adversary: AdversaryOptions,
): Promise<SimulationResult> {
  for (let tries = 1; ; tries++) {
    try {
      return await new AdversaryWorld(world, adversary, tries > 1).run();
    } catch (error) {
      const isMeasured = error instanceof SliceTooLong || error instanceof KeptTooMuch;
      if (!isMeasured || tries >= TRIES) throw error;
    }
  }
}
