import { createHash } from 'node:crypto';
import { filter } from 'rxjs/internal/operators/filter';
import { firstValueFrom } from 'rxjs/internal/firstValueFrom';
import { Cluster, type Member } from './cluster.ts';
import type { TableNode } from '../index.ts';
import type { Fault, Plan } from './faults.ts';
import { Life } from './life.ts';
import type { CheckedOptions, SimulatedNode, SimulatedTables } from './options.ts';
import { SeededRandom } from './seeded-random.ts';

/** In this time nodes meet again, also where one side has not noticed yet that the other was gone. */
const RESTORED_MS = 40_000;
/** Longer than any table takes to be the same everywhere once nothing is in the way. */
const PATIENCE_MS = 600_000;

/** An outcome is what one world came to. */
export interface Outcome {
  readonly trace: string;
  readonly virtualMs: number;
  readonly frames: number;
  /** The faults that happened: a crash of a node that is down is none. */
  readonly faults: readonly Fault[];
  /** Tells what was thrown, and when; undefined for a world that held. */
  readonly failure: { readonly error: unknown; readonly atMs: number } | undefined;
}

/** An entry of the agenda happens at a moment of a world. */
interface Entry {
  readonly atMs: number;
  readonly act: () => void | Promise<void>;
}

/** A world runs one program on all its nodes, once. */
export class World<T extends SimulatedTables, L> {
  readonly #options: CheckedOptions<T, L>;
  readonly #plan: Plan;
  readonly #random: SeededRandom;
  readonly #cluster: Cluster;
  readonly #trace = createHash('sha256');
  readonly #ledger: L;
  readonly #lives = new Map<Member, Life<L>>();
  readonly #nodes = new Map<Member, SimulatedNode<T>>();
  readonly #happened: Fault[] = [];
  readonly #startMs: number;
  /** Counts the faults that keep a direction between two nodes cut, by both indexes. */
  readonly #cuts = new Map<string, number>();
  /** In the order of moments. */
  readonly #agenda: Entry[] = [];
  #frames = 0;
  #failure: Outcome['failure'];
  #ending = false;

  constructor(seed: number, plan: Plan, options: CheckedOptions<T, L>) {
    this.#options = options;
    this.#plan = plan;
    this.#random = new SeededRandom(seed).fork();
    const { nodes, durability, limits, retention } = options;
    const { delayMs, commitMs } = plan;
    this.#cluster = new Cluster({ size: nodes, seed, delayMs, commitMs, durability, limits, retention });
    this.#startMs = this.#cluster.time.now;
    this.#cluster.network.observe = ({ from, to, frame }) => {
      this.#frames++;
      this.#note(`${from} ${to}`);
      this.#trace.update(frame);
    };
    this.#ledger = options.ledger?.() as L;
  }

  /** Runs the world to its end, or to what is wrong. */
  async run(): Promise<Outcome> {
    try {
      await this.#begin();
      await this.#trouble();
      await this.#settle();
      if (this.#failure === undefined) await this.#check();
    } catch (error) {
      this.#fail(error);
    }
    for (const member of this.#cluster.members) if (member.node !== undefined) this.#stop(member);
    for (const { events } of this.#cluster.members) for (const { code } of events) this.#trace.update(code);
    return {
      trace: this.#trace.digest('hex').slice(0, 16),
      virtualMs: Math.round(this.#now),
      frames: this.#frames,
      faults: this.#happened,
      failure: this.#failure,
    };
  }

  /** Milliseconds since the world began. */
  get #now(): number {
    return this.#cluster.time.now - this.#startMs;
  }

  #note(what: string): void {
    this.#trace.update(`${this.#cluster.time.now} ${what} `);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error, atMs: Math.round(this.#now) };
  }

  /** Lets virtual time pass, or less of it when something fails. */
  async #pass(ms: number): Promise<void> {
    const { time } = this.#cluster;
    let over = false;
    time.schedule(ms, () => (over = true));
    await time.runUntil(() => over || this.#failure !== undefined, ms + 1);
  }

  async #begin(): Promise<void> {
    for (const member of this.#cluster.members) {
      member.skewMs = this.#plan.skewsMs[member.index] ?? 0;
      if (this.#failure === undefined) await this.#start(member);
    }
  }

  async #start(member: Member): Promise<void> {
    this.#note(`start ${member.id}`);
    await this.#cluster.start(member.index, (node) => this.#opened(member, node));
  }

  #opened(member: Member, node: TableNode): void {
    const simulated = { node, tables: declare(node, this.#options.tables) };
    this.#nodes.set(member, simulated);
    const life = new Life({
      time: this.#cluster.time,
      random: this.#random.fork(),
      environment: member.environment as NonNullable<Member['environment']>,
      ledger: this.#ledger,
      fail: (error) => this.#fail(error),
    });
    this.#lives.set(member, life);
    life.run(() => this.#options.program(simulated, life.api));
    // A node that comes back at the end has the tables that its program declares, and no more of it.
    if (this.#ending) life.end();
  }

  // Faults ---------------------------------------------------------------------------------------------

  /** Faults begin and end between two events of the world, one after the other. */
  async #trouble(): Promise<void> {
    for (const fault of this.#plan.faults) this.#enter(fault.atMs, () => this.#meet(fault));
    for (let next = this.#due(); next !== undefined; next = this.#due()) {
      await this.#pass(Math.max(0, next.atMs - this.#now));
      if (this.#failure !== undefined) return;
      await next.act();
    }
    await this.#pass(Math.max(0, this.#options.durationMs - this.#now));
  }

  /** Takes what comes next from the agenda; undefined when that is not before the programs end. */
  #due(): Entry | undefined {
    const next = this.#agenda[0];
    return next === undefined || next.atMs >= this.#options.durationMs ? undefined : this.#agenda.shift();
  }

  #enter(atMs: number, act: Entry['act']): void {
    const behind = this.#agenda.findIndex((entry) => entry.atMs > atMs);
    this.#agenda.splice(behind === -1 ? this.#agenda.length : behind, 0, { atMs, act });
  }

  #meet(fault: Fault): void {
    if (fault.kind === 'crash') return this.#crash(fault);
    this.#happen(fault);
    if (fault.kind === 'clock') {
      const member = this.#cluster.member(fault.member);
      member.skewMs = fault.skewMs;
      if (member.environment !== undefined) member.environment.skewMs = fault.skewMs;
      return;
    }
    const links = this.#linksOf(fault);
    if (fault.cut === 'reset') {
      for (const [from, to] of links) this.#cluster.reset(from, to);
      return;
    }
    for (const [from, to] of links) this.#cut(from, to, 1);
    this.#enter(this.#now + fault.forMs, () => {
      for (const [from, to] of links) this.#cut(from, to, -1);
      this.#cluster.network.changed();
    });
  }

  #happen(fault: Fault): void {
    this.#happened.push(fault);
    this.#note(JSON.stringify(fault));
  }

  /** The directions that a partition cuts: between its members and all others. */
  #linksOf({ members, cut }: Extract<Fault, { kind: 'partition' }>): (readonly [number, number])[] {
    const others = this.#cluster.members
      .map(({ index }) => index)
      .filter((index) => !members.includes(index));
    return members.flatMap((inside) =>
      others.flatMap((outside) => {
        const out = [inside, outside] as const;
        const back = [outside, inside] as const;
        if (cut === 'outgoing') return [out];
        return cut === 'incoming' ? [back] : [out, back];
      }),
    );
  }

  #cut(from: number, to: number, by: 1 | -1): void {
    const name = `${from} ${to}`;
    const count = (this.#cuts.get(name) ?? 0) + by;
    this.#cuts.set(name, count);
    this.#cluster.route(from, to).cut = count > 0;
  }

  #crash(fault: Extract<Fault, { kind: 'crash' }>): void {
    const member = this.#cluster.member(fault.member);
    if (member.node === undefined) return;
    this.#happen(fault);
    this.#stop(member, new SeededRandom(fault.draw));
    this.#enter(this.#now + fault.forMs, () => this.#start(member));
  }

  /** The machine of a node stops; of the commits under way some may be on its disk. */
  #stop(member: Member, random?: SeededRandom): void {
    const { disk, index } = member;
    this.#lives.get(member)?.end();
    this.#nodes.delete(member);
    const kept = random?.between(0, disk.underWay) ?? 0;
    const unsyncedLost = random !== undefined && kept === 0 ? random.between(0, disk.atRisk) : 0;
    const torn = unsyncedLost === 0 && kept < disk.underWay && random?.chance(0.5) === true;
    this.#cluster.crash(index, { kept, unsyncedLost, torn });
  }

  // The end --------------------------------------------------------------------------------------------

  /** Programs end, faults are over, and nodes that are down come back; then all take what the others have. */
  async #settle(): Promise<void> {
    if (this.#failure !== undefined) return;
    this.#ending = true;
    for (const life of this.#lives.values()) life.end();
    for (const { index } of this.#cluster.members)
      for (const { index: other } of this.#cluster.members) this.#cluster.route(index, other).cut = false;
    this.#cluster.network.changed();
    await this.#restartAll();
    await this.#pass(RESTORED_MS);
    const { time } = this.#cluster;
    const work = Promise.all(Array.from(this.#nodes.values(), synced));
    await time.until(work, PATIENCE_MS);
  }

  async #restartAll(): Promise<void> {
    for (const member of this.#cluster.members) if (member.node === undefined) await this.#start(member);
  }

  async #check(): Promise<void> {
    const nodes = this.#cluster.members.map((member) => this.#nodes.get(member) as SimulatedNode<T>);
    const work = Promise.resolve().then(() => this.#options.check(nodes, this.#ledger));
    await this.#cluster.time.until(work, PATIENCE_MS);
  }
}

function declare<T extends SimulatedTables>(node: TableNode, tables: T): SimulatedNode<T>['tables'] {
  const declared = Object.entries(tables).map(
    ([name, declaration]) => [name, node.table(name, declaration)] as const,
  );
  return Object.fromEntries(declared) as unknown as SimulatedNode<T>['tables'];
}

/** Opens a node by itself. Throws what a node of any world would refuse: `OPTION_INVALID`, `DECLARATION_INVALID`. */
export async function tryNode<T extends SimulatedTables>(
  options: Pick<CheckedOptions<T, unknown>, 'tables' | 'durability' | 'limits' | 'retention'>,
): Promise<void> {
  const cluster = new Cluster({ ...options, size: 1 });
  await cluster.start(0, (node) => declare(node, options.tables));
  cluster.crash(0);
}

/** Resolves when every table of a node has the rows of every connected peer, or the program has closed the node. */
async function synced({ node }: SimulatedNode): Promise<void> {
  for (const { synced: state } of node.tables.values())
    await firstValueFrom(state.pipe(filter((is) => is)), { defaultValue: true });
}
