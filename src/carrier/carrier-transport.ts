import type { Environment } from '../environment.ts';
import { TablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import type { ConnectionWithBehind } from '../transport/behind.ts';
import { FrameConnection } from '../transport/frame-connection.ts';
import { frameLimits } from '../transport/limits.ts';
import type { Connection, Transport } from '../transport/transport.ts';
import type { Carrier, CarrierLink } from './carrier.ts';
import { CarrierPeer } from './carrier-peer.ts';
import type { HeaderReader } from './checkpoints.ts';
import { Ledger } from './ledger.ts';

/** A place says how far a node has read which memory. */
export interface CarrierPlace {
  readonly identity: string;
  readonly place: number;
}

/** The parts are what a transport over a carrier is made of. */
export interface CarrierTransportParts {
  readonly carrier: Carrier;
  /** The scheme of its address. */
  readonly scheme: string;
  /** The id under which nodes meet it. */
  readonly id: string;
  readonly nodeId: string;
  readonly environment: Environment;
  readonly readHeader: HeaderReader;
  readonly tailBytes?: number | undefined;
  /** Returns the place that was kept last. */
  place(): CarrierPlace | undefined;
  /** Keeps a place: it is not to become durable before what was read up to it. */
  keep(place: CarrierPlace): void;
  report(this: void, event: NodeEvent): void;
}

/** A place is kept so often, in milliseconds. */
const KEEP_MS = 1000;

/** Makes connections to a carrier, as to one peer that has what everybody published. */
export class CarrierTransport implements Transport {
  readonly name: string;
  readonly maxFrameBytes: number = frameLimits().maxFrameBytes;
  readonly #parts: CarrierTransportParts;
  #place: CarrierPlace | undefined;
  #isKept = true;
  /** Something that was read ended a link: it must not end every one after it. */
  #isCareful = false;
  #isClosed = false;

  constructor(parts: CarrierTransportParts) {
    this.#parts = parts;
    this.name = parts.scheme;
  }

  async listen(): Promise<string> {
    throw new TablecastError('LISTEN_FAILED', 'Nobody dials a carrier’s nodes.', {
      hint: 'Dial the carrier.',
    });
  }

  async dial(_address: string, signal: AbortSignal): Promise<Connection> {
    const { carrier, environment, nodeId, id, readHeader, tailBytes, report } = this.#parts;
    const link = await carrier.open(signal);
    try {
      const ledger = await Ledger.of(link, nodeId);
      if (signal.aborted || this.#isClosed) throw closedMeanwhile(carrier.name);
      const peer = new CarrierPeer({
        environment,
        link,
        ledger,
        id,
        nodeId,
        readHeader,
        tailBytes,
        isCareful: this.#isCareful,
        refused: () => {
          this.#isCareful = true;
        },
        place: this.#placeIn(link),
        reached: (place) => this.#reached({ identity: link.identity, place }),
        report,
      });
      const facts = { direction: 'dialled', remote: carrier.name, credential: undefined } as const;
      const connection = new FrameConnection({ ...facts, limits: frameLimits() }, peer);
      peer.begin(connection);
      return Object.assign(connection, { behind: peer.notes } satisfies Pick<ConnectionWithBehind, 'behind'>);
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /** Returns where to read on in a memory; 0 in one that is not the one that was read. */
  #placeIn({ identity, newest }: CarrierLink): number {
    this.#place ??= this.#parts.place();
    const place = this.#place;
    if (place === undefined) return 0;
    if (place.identity === identity && place.place <= newest) return place.place;
    this.#place = undefined;
    this.#parts.report({
      code: 'carrier-replaced',
      severity: 'warning',
      message: `${this.#parts.carrier.name} is not the one that was read before, or has lost its end: what it lacks is published again.`,
      details: { before: place.identity, now: identity },
    });
    return 0;
  }

  #reached(place: CarrierPlace): void {
    this.#place = place;
    if (!this.#isKept) return;
    this.#isKept = false;
    this.#parts.environment.schedule(KEEP_MS, () => this.#keep());
  }

  #keep(): void {
    if (this.#isKept || this.#isClosed) return;
    this.#isKept = true;
    if (this.#place !== undefined) this.#parts.keep(this.#place);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#keep();
    this.#isClosed = true;
    await this.#parts.carrier.close();
  }
}

function closedMeanwhile(name: string): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', `${name} was dialled while the node closes`, {
    hint: 'Open the node again.',
  });
}
