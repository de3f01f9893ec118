import { statSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TableNode } from '../index.ts';
import { natsCarrier } from '../nats/nats-carrier.ts';
import type { NatsOptions } from '../nats/options.ts';
import { carriedBy } from '../node/carried.ts';
import { webSocketOf } from '../node/node-outside.ts';
import { openNodeOf } from '../node/open-node.ts';
import { BreakableTransport } from './breakable-transport.ts';
import { memoryHeld } from './memory.ts';
import type { NodeCounters, OpenRequest } from './messages.ts';
import { type NodeNotes, NodeObserver, nodeId } from './observer.ts';
import { notArrived } from './simulated-cluster.ts';
import { ROWS_PER_TURN, turn } from './throughput.ts';

const PATIENCE_MS = 60_000;
/** Tables are compared once a second while they rest. */
const REST_MS = 4000;

/** One node of a real cluster, in a process of its own. */
export class RealNode {
  readonly #node: TableNode;
  readonly #transport: BreakableTransport;
  readonly #request: OpenRequest;
  readonly #observer: NodeObserver;
  readonly #memoryBefore: number | undefined;

  static async open(request: OpenRequest): Promise<RealNode> {
    const memoryBefore = memoryHeld();
    const { node, transport } = await (request.nats === undefined
      ? openLinked(request)
      : openCarried(request, request.nats));
    try {
      return new RealNode(node, transport, { request, memoryBefore });
    } catch (error) {
      await node.close();
      throw error;
    }
  }

  private constructor(
    node: TableNode,
    transport: BreakableTransport,
    given: { request: OpenRequest; memoryBefore: number | undefined },
  ) {
    const { workload, mode, index } = given.request;
    this.#node = node;
    this.#transport = transport;
    this.#request = given.request;
    this.#memoryBefore = given.memoryBefore;
    this.#observer = new NodeObserver(node, { workload, mode, index, now: sharedMilliseconds });
  }

  get address(): string {
    return this.#node.address ?? '';
  }

  cut(): void {
    this.#transport.break();
  }

  heal(): void {
    this.#transport.mend();
  }

  /** Writes this node's rows of a range, each in a turn of its own, as a program that handles events does. */
  async write(from: number, to: number): Promise<void> {
    for (const row of this.#ownRows(from, to)) {
      this.#observer.write(row);
      await turn();
    }
  }

  /** Writes all rows of this node as fast as it can. */
  async race(): Promise<void> {
    const rows = this.#ownRows(0, this.#request.workload.rows.length);
    for (let from = 0; from < rows.length; from += ROWS_PER_TURN) {
      this.#observer.writeTogether(rows.slice(from, from + ROWS_PER_TURN));
      await turn();
    }
  }

  #ownRows(from: number, to: number): readonly number[] {
    const { index, workload } = this.#request;
    const all = Array.from({ length: to - from }, (_, offset) => from + offset);
    return all.filter((row) => workload.rows[row]?.node === index);
  }

  /** Resolves when so many rows of each node are here. */
  async hold(wanted: readonly number[]): Promise<void> {
    if (this.#observer.holds(wanted)) return;
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(
        () =>
          reject(
            notArrived(
              wanted.reduce((a, b) => a + b, 0),
              PATIENCE_MS,
            ),
          ),
        PATIENCE_MS,
      );
      this.#observer.arrived = () => {
        if (!this.#observer.holds(wanted)) return;
        clearTimeout(late);
        resolve();
      };
    });
  }

  /** Lets tables be compared at rest, closes the node and gives what it noted. */
  async finish(restMs = REST_MS): Promise<{ notes: NodeNotes; counters: NodeCounters }> {
    await new Promise((resolve) => {
      setTimeout(resolve, restMs);
    });
    const { sentBytes, receivedBytes } = this.#transport;
    const wireBytes = sentBytes + (this.#request.nats === undefined ? 0 : receivedBytes);
    const after = memoryHeld();
    const notes = this.#observer.notes();
    this.#observer.close();
    await this.#node.close();
    const before = this.#memoryBefore;
    const memoryBytes = before === undefined || after === undefined ? undefined : after - before;
    return { notes, counters: { wireBytes, memoryBytes, diskBytes: sizeOf(this.#request.directory) } };
  }
}

interface Opened {
  readonly node: TableNode;
  readonly transport: BreakableTransport;
}

async function openLinked({ index, directory, peers }: OpenRequest): Promise<Opened> {
  const options = { id: nodeId(index), directory, listen: { port: 0 }, peers };
  const transport = new BreakableTransport(webSocketOf(options, {}));
  return { node: await openNodeOf(options, { transport }), transport };
}

/** Opens a node that only a server connects with the others. */
async function openCarried({ index, directory }: OpenRequest, nats: NatsOptions): Promise<Opened> {
  const made: BreakableTransport[] = [];
  const node = await openNodeOf(
    { id: nodeId(index), directory, nats },
    {
      carried: (_, parts) => {
        const transport = new BreakableTransport(carriedBy(natsCarrier(nats), nats.group, parts));
        made.push(transport);
        return transport;
      },
    },
  );
  return { node, transport: made[0] as BreakableTransport };
}

/** Returns the clock that all processes of this machine share, in milliseconds. */
function sharedMilliseconds(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

function sizeOf(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}
