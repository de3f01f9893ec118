import { MemoryCarrier, type MemorySnapshot } from '../../src/carrier/memory-carrier.ts';
import { Cluster } from '../../src/simulation/cluster.ts';
import { reported, truth } from '../modes/oracle.ts';
import { SeededRandom } from '../../src/simulation/seeded-random.ts';

const STEPS = 40;
const NODES = 4;
/** Can come to differ: few keys, written by all. */
const counts = { key: 'string', value: 'count' } as const;
const declaration = { key: 'string', value: 'string', mode: 'lww', backend: 'sqlite' } as const;
type Rows = readonly (readonly [string, string])[];

/** What a history came to: the rows of each node, and keys of writes that `flush` confirmed. */
interface Outcome {
  readonly rows: readonly Rows[];
  readonly confirmed: readonly string[];
  /** What nodes say that they differ in, and what they do: of each node. */
  readonly reported: readonly (readonly string[])[];
  readonly truth: readonly (readonly string[])[];
}

function byKey([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1;
}

/**
 * One history of nodes behind a carrier that loses acknowledgements, tails and itself, repeats, is full and goes away, and
 * of whose replicas, which differ, now one leads and now another.
 */
class History {
  readonly random: SeededRandom;
  readonly carrier: MemoryCarrier;
  readonly cluster: Cluster;
  readonly confirmed: string[] = [];
  #faults = 0;
  #snapshot: MemorySnapshot = [];
  #count = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.carrier = new MemoryCarrier('memory://history', {
      maxMessageBytes: 2048,
      defer: (task) => void this.cluster.time.schedule(1 + this.random.next() * 3, task),
      outcome: () =>
        this.random.next() > this.#faults ? 'kept' : this.random.next() < 0.5 ? 'lost' : 'full',
      loses: () => this.random.next() < this.#faults,
      again: () => (this.random.next() < this.#faults ? Math.floor(this.random.next() * 20) : 0),
    });
    // One of them has no carrier: those before and behind it are its gateways.
    this.cluster = new Cluster({
      size: NODES,
      seed,
      topology: [[], [], [], [0, 1]],
      carrier: { memory: this.carrier, tailBytes: 4096, without: [NODES - 1] },
    });
  }

  async run(): Promise<Outcome> {
    for (const { index } of this.cluster.members) await this.#start(index);
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      await this.cluster.run(this.random.next() * 400);
    }
    this.#faults = 0;
    this.carrier.isAway = false;
    for (const member of this.cluster.members) {
      member.carrier?.setAway(false);
      if (member.node === undefined) await this.#start(member.index);
    }
    await this.cluster.run(120_000);
    const rows = this.cluster.members.map(({ up }) => [...up.table('t', declaration)].toSorted(byKey));
    const differences = this.#differences();
    await this.cluster.close();
    return { rows, confirmed: this.confirmed, ...differences };
  }

  #differences(): Pick<Outcome, 'reported' | 'truth'> {
    const { members } = this.cluster;
    const tables = new Map(members.map(({ id, up }) => [id, up.table('counts', counts)]));
    const gateways = ['n0', 'n1'];
    const [last] = members.slice(-1);
    return {
      reported: Array.from(tables.values(), (table) => reported(table)),
      truth: members.map(({ id, up }) => {
        const ids = [...tables.keys()].filter((other) => other !== id);
        const behind = gateways.includes(id) ? ids : ids.filter((other) => other !== last?.id);
        return truth(up, tables, id === last?.id ? gateways : behind);
      }),
    };
  }

  async #start(index: number): Promise<void> {
    await this.cluster.start(index, (node) => {
      node.table('t', declaration);
      node.table('other', declaration);
      node.table('counts', counts);
    });
  }

  async #step(): Promise<void> {
    const index = Math.floor(this.random.next() * NODES);
    const member = this.cluster.member(index);
    const kind = Math.floor(this.random.next() * 16);
    if (kind < 6) return this.#write(index);
    if (kind === 6 && member.node !== undefined) this.cluster.crash(index);
    if (kind === 7 && member.node === undefined) await this.#start(index);
    if (kind === 8) this.#faults = this.#faults > 0 ? 0 : 0.2;
    if (kind === 9) this.carrier.cut('cut');
    if (kind === 10) member.carrier?.setAway(this.random.next() < 0.5);
    if (kind === 11) this.#snapshot = this.carrier.snapshot();
    if (kind === 12) this.carrier.restore(this.#snapshot);
    if (kind === 13) this.carrier.remake();
    if (kind > 13) this.#lead();
  }

  /** Another replica leads, without some messages and with others at their places; links go on with the former for a while. */
  #lead(): void {
    const { random, carrier } = this;
    const lost = random.next() * 0.2;
    const first = random.next() < 0.3 ? Math.floor(random.next() * carrier.messages.length) : 0;
    const end = random.next() < 0.3 ? Math.floor(random.next() * carrier.messages.length) : Infinity;
    let place = Math.floor(random.next() * 3);
    const left = carrier.messages.slice(first, end).filter(() => random.next() >= lost);
    carrier.lead(
      left.map((message) => ({ ...message, place: (place += 1 + Math.floor(random.next() * 1.2)) })),
    );
    this.cluster.time.schedule(random.next() * 3000, () => carrier.cut('another server leads'));
  }

  async #write(index: number): Promise<void> {
    const { node } = this.cluster.member(index);
    if (node === undefined) return;
    const keys = Array.from({ length: 1 + Math.floor(this.random.next() * 30) }, () => `k${this.#count++}`);
    const isBatch = this.random.next() < 0.3;
    const write = (): void => {
      for (const key of keys) {
        node.table('t', declaration).set(key, `${node.id} ${'x'.repeat(100)}`);
        if (isBatch) node.table('other', declaration).set(key, node.id);
      }
    };
    if (isBatch) node.batch(write);
    else write();
    node.table('counts', counts).set(`k${this.#count % 5}`, Math.floor(this.random.next() * 1000));
    await this.cluster.time.until(node.flush());
    this.confirmed.push(...keys);
  }
}

export function historyOver(seed: number): Promise<Outcome> {
  return new History(seed).run();
}
