import { TablecastError } from '../errors.ts';
import type { TableNode } from '../index.ts';
import { openNodeOf } from '../node/open-node.ts';
import { SeededRandom } from '../simulation/seeded-random.ts';
import { SimulatedNetwork } from '../simulation/simulated-network.ts';
import { VirtualTime } from '../simulation/virtual-time.ts';
import { CountedDisk } from './counted-disk.ts';
import { type NodeNotes, NodeObserver, nodeId } from './observer.ts';
import type { PlayedCluster } from './play.ts';
import type { ComparedMode } from './tables.ts';
import { type Stretch, type Workload, type WorkloadRow, reachable } from './workload.ts';

/** Bounds how long a frame is under way, in milliseconds. */
const DELAY_MS = [5, 40] as const;
/** Between two rows of a busy stretch, whichever nodes they are given to. */
const GAP_MS = [0, 2] as const;
const PATIENCE_MS = 300_000;
/** Tables are compared once a second while they rest. */
const REST_MS = 8000;

/** Nodes in one process, each connected with each, on virtual time: real but for clock, network and disk. */
export class SimulatedCluster implements PlayedCluster {
  readonly #workload: Workload;
  readonly #time = new VirtualTime();
  readonly #random: SeededRandom;
  readonly #network: SimulatedNetwork;
  readonly #nodes: TableNode[] = [];
  readonly #observers: NodeObserver[] = [];
  readonly #disks: CountedDisk[] = [];
  /** Gaps of all rows, drawn before anything else can draw. */
  readonly #gaps: readonly number[];
  #cutOff: number | undefined;
  /** Bytes of frames that arrived, each counted once. */
  wireBytes = 0;

  constructor(workload: Workload) {
    this.#workload = workload;
    const { seed } = workload.options;
    this.#random = new SeededRandom(seed);
    const [shortest, longest] = GAP_MS;
    this.#gaps = workload.rows.map(() => shortest + this.#random.next() * (longest - shortest));
    this.#network = new SimulatedNetwork(this.#time, this.#random.fork(), DELAY_MS);
    // By moment and route, not frame by frame: a mode that sends more frames meets the same delays.
    this.#network.draw = (from, to, now) => delayOf(seed, `${from} ${to}`, now);
    this.#network.observe = ({ frame }) => {
      this.wireBytes += frame.length;
    };
  }

  /** Counts the bytes on the disks of all nodes. */
  get diskBytes(): number {
    return this.#disks.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Opens all nodes and lets them meet. Throws `DECLARATION_INVALID` for a mode that cannot be had. */
  async open(mode: ComparedMode): Promise<void> {
    const { nodes } = this.#workload.options;
    for (let index = 0; index < nodes; index++) {
      const disk = new CountedDisk();
      this.#disks.push(disk);
      const dialled = Array.from({ length: index }, (_, other) => addressOf(other));
      const node = await this.#time.until(
        openNodeOf(
          { id: nodeId(index), listen: { port: 0 }, peers: dialled },
          {
            environment: this.#time.environment(this.#random.fork()),
            transport: this.#network.transport(addressOf(index)),
            durableBackend: disk.backend,
          },
        ),
      );
      this.#nodes.push(node);
      const workload = this.#workload;
      this.#observers.push(new NodeObserver(node, { workload, mode, index, now: () => this.#time.now }));
    }
    await this.#time.run(2000);
    this.wireBytes = 0;
  }

  async cut(node: number): Promise<void> {
    this.#cutOff = node;
    this.#setCut(node, true);
  }

  async heal(): Promise<void> {
    if (this.#cutOff !== undefined) this.#setCut(this.#cutOff, false);
    this.#cutOff = undefined;
  }

  #setCut(node: number, cut: boolean): void {
    for (const other of this.#nodes.keys()) {
      if (other !== node) this.#network.setCut(addressOf(node), addressOf(other), cut);
    }
  }

  async write(row: number): Promise<void> {
    const { node } = this.#workload.rows[row] as WorkloadRow;
    this.#observers[node]?.write(row);
  }

  async burst(from: number, to: number): Promise<void> {
    for (let row = from; row < to; row++) {
      await this.write(row);
      await this.#time.run(this.#gaps[row] as number);
    }
  }

  async arrived(rows: number, stretch: Stretch): Promise<void> {
    const waiting = this.#observers.map((observer, node) => ({
      observer,
      wanted: reachable(this.#workload, { node, rows, stretch }),
    }));
    const all = await this.#time.runUntil(
      () => waiting.every(({ observer, wanted }) => observer.holds(wanted)),
      PATIENCE_MS,
    );
    if (!all) throw notArrived(rows, PATIENCE_MS);
  }

  async finish(): Promise<readonly NodeNotes[]> {
    await this.#time.run(REST_MS);
    return this.#observers.map((observer) => observer.notes());
  }

  async close(): Promise<void> {
    for (const observer of this.#observers) observer.close();
    for (const node of this.#nodes) await this.#time.until(node.close());
  }
}

function addressOf(index: number): string {
  return `ws://${nodeId(index)}`;
}

/** Returns a number in [0, 1), always the same for a seed, a route and a moment. */
function delayOf(seed: number, route: string, now: number): number {
  let mixed = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1);
  for (let at = 0; at < route.length; at++) mixed = Math.imul(mixed ^ route.charCodeAt(at), 0x01000193);
  // Microseconds: two moments that differ are hashed apart.
  return new SeededRandom(mixed ^ Math.floor((now * 1000) % 0x100000000)).next();
}

/** Rows that should be everywhere are not. */
export function notArrived(rows: number, afterMs: number): TablecastError {
  return new TablecastError(
    'PEER_UNREACHABLE',
    `Not every node had the first ${rows} rows after ${afterMs / 1000} s.`,
    { hint: 'Run it again with fewer rows; if it comes again, report it with the seed.' },
  );
}
