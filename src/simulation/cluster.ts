import type { NodeEvent, NodeOptions, TableDeclaration, TableNode, TableOf } from '../index.ts';
import type { MemoryCarrier, MemoryCarrierOfNode } from '../carrier/memory-carrier.ts';
import type { Slicing } from '../work/slices.ts';
import { carriedBy } from '../node/carried.ts';
import { openNodeOf } from '../node/open-node.ts';
import { SeededRandom } from './seeded-random.ts';
import { type DiskBehaviour, SimulatedDisk, type Stop } from './simulated-disk.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { type VirtualEnvironment, VirtualTime } from './virtual-time.ts';

/** The group whose carrier a simulated cluster has. */
const GROUP = 'simulated';

/** A topology says who dials whom: for each node the indexes of those it dials. */
export type Topology = 'pair' | 'star' | 'chain' | 'ring' | 'mesh' | 'both' | readonly (readonly number[])[];

/** A carrier of a simulated cluster. */
export interface SimulatedCarrier {
  readonly memory: Pick<MemoryCarrier, 'forNode'>;
  /** Resolves when what it does outside of virtual time may be done; returns undefined when nothing is under way. */
  readonly underWay?: (() => Promise<void> | undefined) | undefined;
  /** Bytes of its tail after which a checkpoint is due. */
  readonly tailBytes?: number | undefined;
  /** Lists members that are not at it. */
  readonly without?: readonly number[] | undefined;
}

export interface ClusterOptions {
  readonly size: number;
  readonly seed?: number | undefined;
  readonly topology?: Topology | undefined;
  /** Carries the tables of all nodes, which then dial nobody else unless a topology is given. */
  readonly carrier?: SimulatedCarrier | undefined;
  /** Bounds how long a commit takes, in milliseconds. */
  readonly commitMs?: readonly [shortest: number, longest: number] | undefined;
  readonly delayMs?: readonly [shortest: number, longest: number] | undefined;
  readonly limits?: NodeOptions['limits'];
  readonly durability?: 'commit' | 'interval' | undefined;
  readonly retention?: NodeOptions['retention'];
  /** Operations after which a node writes a checkpoint of a table. */
  readonly checkpointAfter?: number | undefined;
  /** Units of long work that a node does in one turn, and how long it then does other things; undefined: as outside simulations. */
  readonly slices?: { readonly units: number; readonly pauseMs: number } | undefined;
  /** Decides on a node's next commit. */
  readonly outcome?: ((index: number) => 'kept' | 'full' | 'failed') | undefined;
  /** Returns the backends that a node has beside its disk. */
  readonly backends?: ((index: number, time: VirtualTime) => NodeOptions['backends']) | undefined;
}

/** Lists whom each node dials. */
function dialledBy(topology: Topology, size: number): readonly (readonly number[])[] {
  const nodes = Array.from({ length: size }, (_, index) => index);
  switch (topology) {
    case 'pair':
    case 'star':
      return nodes.map((index) => (index === 0 ? [] : [0]));
    case 'chain':
      return nodes.map((index) => (index === 0 ? [] : [index - 1]));
    case 'ring':
      return nodes.map((index) => [(index + 1) % size]);
    case 'mesh':
      return nodes.map((index) => nodes.slice(0, index));
    case 'both':
      return nodes.map((index) => nodes.filter((other) => other !== index));
    default:
      return topology;
  }
}

/** One node of a cluster, through all its lives. */
export class Member {
  readonly id: string;
  readonly index: number;
  readonly disk: SimulatedDisk = new SimulatedDisk();
  readonly dials: readonly number[];
  readonly events: NodeEvent[] = [];
  environment: VirtualEnvironment | undefined;
  node: TableNode | undefined;
  carrier: MemoryCarrierOfNode | undefined;
  skewMs = 0;
  lives = 0;

  constructor(index: number, dials: readonly number[]) {
    this.index = index;
    this.id = memberId(index);
    this.dials = dials;
  }

  /** The node; throws while it is down. */
  get up(): TableNode {
    if (this.node === undefined) throw new Error(`${this.id} is down.`);
    return this.node;
  }
}

function memberId(index: number): string {
  return `n${index}`;
}

/** Real nodes on virtual time, a virtual network and virtual disks. */
export class Cluster {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly members: readonly Member[];
  readonly #options: ClusterOptions;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.time = new VirtualTime(options.carrier?.underWay);
    this.random = new SeededRandom(options.seed ?? 1);
    this.network = new SimulatedNetwork(this.time, this.random.fork(), options.delayMs);
    const dials = dialledBy(options.topology ?? (options.carrier === undefined ? 'mesh' : []), options.size);
    this.members = Array.from({ length: options.size }, (_, index) => new Member(index, dials[index] ?? []));
  }

  member(index: number): Member {
    return this.members[index] as Member;
  }

  /** The node at an index; throws while it is down. */
  node(index: number): TableNode {
    return this.member(index).up;
  }

  /** Starts a node that is down. `prepare` runs before anything else can happen, to declare tables. */
  async start(index: number, prepare: (node: TableNode) => void = () => undefined): Promise<TableNode> {
    const member = this.member(index);
    const environment = this.time.environment(this.random.fork(), member.skewMs);
    member.environment = environment;
    member.lives++;
    const { carrier } = this.#options;
    member.carrier = carrier?.without?.includes(index) === true ? undefined : carrier?.memory.forNode();
    const opening = openNodeOf(
      {
        id: member.id,
        listen: { port: 0 },
        peers: member.dials.map((other) => `ws://${memberId(other)}`),
        limits: this.#options.limits,
        retention: this.#options.retention,
        backends: this.#options.backends?.(index, this.time),
        ...(member.carrier !== undefined && { nats: { servers: 'nats://simulated', group: GROUP } }),
      },
      {
        environment,
        transport: this.network.transport(`ws://${member.id}`),
        durableBackend: member.disk.backend(this.#behaviour(member)),
        checkpointAfter: this.#options.checkpointAfter,
        slicing: this.#slicing(environment),
        carried: this.#carriedTo(member.carrier),
      },
    ).then((node) => {
      member.node = node;
      node.events.subscribe((event) => member.events.push(event));
      prepare(node);
      return node;
    });
    return this.time.until(opening);
  }

  #carriedTo(carrier: MemoryCarrierOfNode | undefined): Parameters<typeof openNodeOf>[1]['carried'] {
    const { tailBytes } = this.#options.carrier ?? {};
    return carrier && ((_, parts) => carriedBy(carrier, GROUP, parts, tailBytes));
  }

  #slicing(environment: VirtualEnvironment): Slicing | undefined {
    const { slices } = this.#options;
    if (slices === undefined) return undefined;
    const { units, pauseMs } = slices;
    return { units, defer: (task) => void environment.schedule(pauseMs, task) };
  }

  #behaviour(member: Member): DiskBehaviour {
    const [shortest, longest] = this.#options.commitMs ?? [1, 1];
    const random = this.random.fork();
    return {
      after: (task) => void this.time.schedule(shortest + random.next() * (longest - shortest), task),
      outcome: () => this.#options.outcome?.(member.index) ?? 'kept',
      durability: this.#options.durability ?? 'commit',
      now: () => this.time.now,
    };
  }

  /** The machine stops between two instructions; unless told otherwise, no commit under way survives. */
  crash(index: number, stop: Stop = { kept: 0 }): void {
    const member = this.member(index);
    member.environment?.kill();
    void member.carrier?.close();
    member.disk.crash(stop);
    this.network.kill(`ws://${member.id}`);
    member.node = undefined;
  }

  /** Stops a node in an orderly way. */
  async stop(index: number): Promise<void> {
    const member = this.member(index);
    const { up } = member;
    member.node = undefined;
    await this.time.until(up.close());
    this.network.kill(`ws://${member.id}`);
  }

  /** The route between two members, in one direction. */
  route(from: number, to: number): ReturnType<SimulatedNetwork['route']> {
    return this.network.route(`ws://${memberId(from)}`, `ws://${memberId(to)}`);
  }

  /** Cuts the link between two members, or heals it; of a cluster with a carrier, that of the first to it. */
  setCut(a: number, b: number, cut: boolean): void {
    this.member(a).carrier?.setAway(cut);
    this.network.setCut(`ws://${memberId(a)}`, `ws://${memberId(b)}`, cut);
  }

  reset(a: number, b: number): void {
    this.network.reset(`ws://${memberId(a)}`, `ws://${memberId(b)}`);
  }

  /** Lets virtual time pass. */
  async run(ms: number): Promise<void> {
    await this.time.run(ms);
  }

  async close(): Promise<void> {
    for (const member of this.members) if (member.node !== undefined) await this.stop(member.index);
  }

  /** Declares one table on every node that is up. */
  declare<const D extends TableDeclaration>(name: string, declaration: D): TableOf<D>[] {
    return this.members.flatMap(({ node }) => (node === undefined ? [] : [node.table(name, declaration)]));
  }
}
