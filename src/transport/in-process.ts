import type { Credential } from '../access/rights.ts';
import { TablecastError } from '../errors.ts';
import { closing } from './closing.ts';
import { type FrameLimitOptions, type FrameLimits, frameLimits, frameTooLong } from './limits.ts';
import type { Closing, Connection, ConnectionHandlers, Transport } from './transport.ts';

/** The options are those of one transport of an {@link InProcessNetwork}. */
export interface InProcessOptions {
  readonly limits?: FrameLimitOptions | undefined;
  /** Is what other nodes see as {@link Connection.credential} of this one. */
  readonly credential?: string | undefined;
  /** Says what the node at the other end of an accepted connection lets this one do; left out: everything. */
  readonly rights?: Credential | undefined;
}

/** A network links nodes of one process without sockets. */
export interface InProcessNetwork {
  /** Returns a transport that listens at `address`, any non-empty text. Throws `OPTION_INVALID` if it is taken. */
  transport(address: string, options?: InProcessOptions): Transport;
  /** Breaks every connection between two addresses (both sides see `lost`) and refuses new ones. */
  cut(a: string, b: string): void;
  /** Heals what {@link InProcessNetwork.cut} broke; nodes have to dial again. */
  heal(a: string, b: string): void;
}

type Accept = (connection: Connection) => void;
type Defer = (task: () => void) => void;

/** Counted per queued frame beside its bytes, so that empty frames are bounded as well. */
const frameOverheadBytes = 8;

/**
 * Makes a network inside this process; the reference for what a transport does.
 *
 * Every frame arrives in a task of its own, run by `defer` (default: a microtask). Tasks may be delayed and
 * reordered: each takes the oldest frame, so the order of frames stays.
 */
export function inProcessNetwork(options: { readonly defer?: Defer | undefined } = {}): InProcessNetwork {
  const network = new Network(options.defer ?? queueMicrotask);
  return {
    transport: (address, given = {}) => new InProcessTransport(network, address, given),
    cut: (a, b) => network.cut(a, b),
    heal: (a, b) => network.heal(a, b),
  };
}

class Network {
  readonly defer: Defer;
  readonly nodes: Map<string, InProcessTransport> = new Map();
  readonly #cuts = new Set<string>();

  constructor(defer: Defer) {
    this.defer = defer;
  }

  isCut(a: string, b: string): boolean {
    return this.#cuts.has(pairOf(a, b));
  }

  cut(a: string, b: string): void {
    this.#cuts.add(pairOf(a, b));
    for (const end of this.nodes.get(a)?.ends ?? []) {
      if (end.remote === b) end.lose(closing('lost', `the link between ${a} and ${b} was cut`));
    }
  }

  heal(a: string, b: string): void {
    this.#cuts.delete(pairOf(a, b));
  }
}

class InProcessTransport implements Transport {
  readonly name = 'in-process';
  readonly maxFrameBytes: number;
  readonly limits: FrameLimits;
  readonly ends: Set<End> = new Set();
  readonly #network: Network;
  readonly #address: string;
  readonly #credential: string | undefined;
  readonly #rights: Credential | undefined;
  #accept: Accept | undefined;
  #closed = false;

  constructor(network: Network, address: string, options: InProcessOptions) {
    if (address === '' || network.nodes.has(address)) {
      throw new TablecastError('OPTION_INVALID', `in-process address "${address}" is empty or taken`, {
        hint: 'Give every transport of a network its own address, or close the one that has it.',
      });
    }
    this.limits = frameLimits(options.limits);
    this.maxFrameBytes = this.limits.maxFrameBytes;
    this.#network = network;
    this.#address = address;
    this.#credential = options.credential;
    this.#rights = options.rights;
    network.nodes.set(address, this);
  }

  async listen(accept: Accept): Promise<string> {
    if (this.#closed || this.#accept !== undefined) {
      throw new TablecastError(
        'LISTEN_FAILED',
        `"${this.#address}" is ${this.#closed ? 'closed' : 'listening'}`,
        {
          hint: 'Call listen once, before close.',
        },
      );
    }
    this.#accept = accept;
    return this.#address;
  }

  async dial(address: string, signal: AbortSignal): Promise<Connection> {
    await new Promise<void>((resolve) => this.#network.defer(resolve));
    if (this.#closed) throw unreachable(address, 'this transport is closed', false);
    if (signal.aborted) throw unreachable(address, 'the dial was aborted', true);
    const other = this.#network.nodes.get(address);
    if (other === undefined || this.#network.isCut(this.#address, address)) {
      throw unreachable(address, other === undefined ? 'no node has this address' : 'the link is cut', true);
    }
    const accept = other.#accept;
    if (accept === undefined) throw unreachable(address, 'the node does not listen', true);
    const near = this.#open('dialled', address, other);
    const far = other.#open('accepted', this.#address, this);
    near.join(far);
    accept(far);
    return near;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#network.nodes.delete(this.#address);
    for (const end of this.ends) end.close('transport closed');
  }

  #open(direction: Connection['direction'], remote: string, other: InProcessTransport): End {
    const credential = other.#credential;
    const rights = direction === 'accepted' ? other.#rights : undefined;
    const end = new End({ direction, remote, credential, rights, owner: this, defer: this.#network.defer });
    this.ends.add(end);
    return end;
  }
}

interface EndFacts {
  readonly direction: Connection['direction'];
  readonly remote: string;
  readonly credential: string | undefined;
  readonly rights: Credential | undefined;
  readonly owner: InProcessTransport;
  readonly defer: Defer;
}

/** One end of a link. Frames on their way to it wait in its own inbox. */
class End implements Connection {
  readonly direction: Connection['direction'];
  readonly remote: string;
  readonly credential: string | undefined;
  readonly rights: Credential | undefined;
  readonly #owner: InProcessTransport;
  readonly #defer: Defer;
  readonly #inbox: (Uint8Array | Closing)[] = [];
  #inboxBytes = 0;
  #peer: End | undefined;
  #handlers: ConnectionHandlers | undefined;
  #closing: Closing | undefined;
  #drainDue = false;

  constructor(facts: EndFacts) {
    this.direction = facts.direction;
    this.remote = facts.remote;
    this.credential = facts.credential;
    this.rights = facts.rights;
    this.#owner = facts.owner;
    this.#defer = facts.defer;
  }

  get queuedBytes(): number {
    return this.#peer === undefined ? 0 : this.#peer.#inboxBytes;
  }

  join(peer: End): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  start(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    if (this.#closing !== undefined) this.#defer(() => this.#tell());
    for (let i = 0; i < this.#inbox.length; i += 1) this.#defer(() => this.#take());
    this.#defer(() => this.drained());
  }

  send(frame: Uint8Array): boolean {
    const limits = this.#owner.limits;
    if (frame.length > limits.maxFrameBytes) throw frameTooLong(frame.length, limits.maxFrameBytes);
    const peer = this.#peer;
    if (this.#closing !== undefined || peer === undefined) return false;
    if (peer.#inboxBytes + frame.length + frameOverheadBytes > limits.maxQueuedBytes) {
      peer.finish(closing('lost', 'the other side ended the connection'));
      this.finish(closing('refused', 'send queue limit'));
      return false;
    }
    // A copy: one frame may be sent to many, and the bytes belong to each receiver.
    peer.put(new Uint8Array(frame));
    const room = peer.#inboxBytes <= limits.highWaterBytes;
    if (!room) this.#drainDue = true;
    return room;
  }

  close(reason: string): void {
    const peer = this.#peer;
    this.finish(closing('closed', reason));
    peer?.put(closing('closed', reason));
  }

  /** Both ends are over, whatever was on its way is gone. */
  lose(reason: Closing): void {
    this.#peer?.finish(reason);
    this.finish(reason);
  }

  /** Queues for delivery to this end. */
  put(item: Uint8Array | Closing): void {
    if (this.#closing !== undefined) return;
    this.#inbox.push(item);
    this.#inboxBytes += bytesOf(item);
    this.#defer(() => this.#take());
  }

  #take(): void {
    if (this.#handlers === undefined) return;
    const item = this.#inbox.shift();
    if (item === undefined) return;
    this.#inboxBytes -= bytesOf(item);
    if (!(item instanceof Uint8Array)) {
      this.finish(item);
    } else if (item.length > this.#owner.limits.maxFrameBytes) {
      this.lose(closing('refused', 'frame above maxFrameBytes'));
    } else {
      const peer = this.#peer;
      this.#handlers.frame(item);
      peer?.drained();
    }
  }

  /** Calls `drain` if it is due. */
  drained(): void {
    if (!this.#drainDue || this.#handlers === undefined || this.#closing !== undefined) return;
    if (this.queuedBytes > this.#owner.limits.lowWaterBytes) return;
    this.#drainDue = false;
    this.#handlers.drain();
  }

  /** This end is over; says so once started. */
  finish(reason: Closing): void {
    if (this.#closing !== undefined) return;
    this.#closing = reason;
    this.#peer = undefined;
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
    this.#owner.ends.delete(this);
    this.#defer(() => this.#tell());
  }

  #tell(): void {
    const handlers = this.#handlers;
    if (handlers === undefined || this.#closing === undefined) return;
    this.#handlers = undefined;
    handlers.closed(this.#closing);
  }
}

function bytesOf(item: Uint8Array | Closing): number {
  return item instanceof Uint8Array ? item.length + frameOverheadBytes : 0;
}

function pairOf(a: string, b: string): string {
  return JSON.stringify(a < b ? [a, b] : [b, a]);
}

function unreachable(address: string, why: string, retryable: boolean): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', `no connection to "${address}": ${why}`, {
    hint: 'Start the other node and have it listen before dialling.',
    details: { address },
    retryable,
  });
}
