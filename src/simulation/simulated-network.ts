import { TablecastError } from '../errors.ts';
import { frameLimits, frameTooLong } from '../transport/limits.ts';
import type { Closing, Connection, ConnectionHandlers, Transport } from '../transport/transport.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A route says how frames travel from one address to another. */
export interface Route {
  /** Shortest and longest time a frame is under way, in milliseconds. */
  delayMs: readonly [shortest: number, longest: number];
  /** Capacity; Infinity for a link that is never the bottleneck. */
  bytesPerMs: number;
  /** Nothing gets through in this direction, and nobody is told. */
  cut: boolean;
}

/** A frame that arrived. */
export interface Delivery {
  readonly from: string;
  readonly to: string;
  readonly frame: Uint8Array;
}

const LIMITS = frameLimits();
const FRAME_OVERHEAD_BYTES = 8;

/** A draw says where a frame stands between the shortest and the longest delay of its route, in [0, 1). */
export type DelayDraw = (from: string, to: string, now: number) => number;

/** Links between addresses on virtual time: in order per connection, as slow and as broken as told. */
export class SimulatedNetwork {
  readonly time: VirtualTime;
  /** Draws from the seed, frame by frame, unless it is replaced before the first frame. */
  draw: DelayDraw;
  /** Says what a node that dials from an address may do; by default everything. */
  rightsOf: (address: string) => Connection['rights'] = () => undefined;
  /** Called for each frame just before it is delivered. */
  observe: (delivery: Delivery) => void = () => undefined;
  readonly #transports = new Map<string, SimulatedTransport>();
  readonly #routes = new Map<string, Route>();
  readonly #delayMs: readonly [number, number];

  constructor(time: VirtualTime, random: SeededRandom, delayMs: readonly [number, number] = [1, 1]) {
    this.time = time;
    this.draw = () => random.next();
    this.#delayMs = delayMs;
  }

  /** Returns the transport of a node that starts at an address; takes the place of a dead one. */
  transport(address: string): Transport {
    const transport = new SimulatedTransport(this, address);
    this.#transports.set(address, transport);
    return transport;
  }

  at(address: string): SimulatedTransport | undefined {
    return this.#transports.get(address);
  }

  /** Returns the route in one direction, to be changed at will; then call {@link changed}. */
  route(from: string, to: string): Route {
    const name = `${from}\n${to}`;
    let route = this.#routes.get(name);
    if (route === undefined) {
      route = { delayMs: this.#delayMs, bytesPerMs: Infinity, cut: false };
      this.#routes.set(name, route);
    }
    return route;
  }

  /** Cuts or mends both directions. Connections stay until somebody notices. */
  setCut(a: string, b: string, cut: boolean): void {
    this.route(a, b).cut = cut;
    this.route(b, a).cut = cut;
    this.changed();
  }

  /** Routes were changed: what was held back goes on. */
  changed(): void {
    for (const transport of this.#transports.values()) for (const end of transport.ends) end.pump();
  }

  /** Breaks the connections between two addresses; both sides are told. */
  reset(a: string, b: string): void {
    for (const end of Array.from(this.at(a)?.ends ?? [])) {
      if (end.remote === b) end.lose({ kind: 'lost', reason: 'connection reset' });
    }
  }

  /** The process at an address is gone, without a word. */
  kill(address: string): void {
    this.at(address)?.kill();
    this.#transports.delete(address);
  }
}

class SimulatedTransport implements Transport {
  readonly name = 'simulated';
  readonly maxFrameBytes: number = LIMITS.maxFrameBytes;
  readonly network: SimulatedNetwork;
  readonly address: string;
  readonly ends: Set<End> = new Set();
  accept: ((connection: Connection) => void) | undefined;
  closed = false;

  constructor(network: SimulatedNetwork, address: string) {
    this.network = network;
    this.address = address;
  }

  async listen(accept: (connection: Connection) => void): Promise<string> {
    this.accept = accept;
    return this.address;
  }

  dial(address: string, signal: AbortSignal): Promise<Connection> {
    const { network } = this;
    return new Promise((resolve, reject) => {
      const there = network.route(this.address, address);
      const [shortest, longest] = there.delayMs;
      network.time.schedule(shortest + longest, () => {
        const other = network.at(address);
        const cut = there.cut || network.route(address, this.address).cut;
        if (this.closed || signal.aborted || cut || other?.accept === undefined || other.closed) {
          reject(unreachable(address));
          return;
        }
        const near = new End(this, 'dialled', address);
        const far = new End(other, 'accepted', this.address);
        near.join(far);
        other.accept(far);
        resolve(near);
      });
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const end of Array.from(this.ends)) end.close('transport closed');
  }

  kill(): void {
    this.closed = true;
    for (const end of Array.from(this.ends)) end.die();
  }
}

interface Item {
  readonly at: number;
  readonly content: Uint8Array | Closing;
}

class End implements Connection {
  readonly direction: 'dialled' | 'accepted';
  readonly remote: string;
  readonly rights: Connection['rights'];
  readonly #transport: SimulatedTransport;
  readonly #out: Item[] = [];
  #queuedBytes = 0;
  #lastAt = 0;
  #peer: End | undefined;
  #handlers: ConnectionHandlers | undefined;
  #early: Uint8Array[] = [];
  #closing: Closing | undefined;
  #drainDue = false;

  constructor(transport: SimulatedTransport, direction: 'dialled' | 'accepted', remote: string) {
    this.#transport = transport;
    this.direction = direction;
    this.remote = remote;
    this.rights = direction === 'accepted' ? transport.network.rightsOf(remote) : undefined;
    transport.ends.add(this);
  }

  get credential(): string | undefined {
    return this.rights?.name;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  join(peer: End): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  start(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    this.#defer(() => {
      for (const frame of this.#early.splice(0)) if (this.#closing === undefined) handlers.frame(frame);
      this.#tell();
    });
  }

  send(frame: Uint8Array): boolean {
    if (frame.length > LIMITS.maxFrameBytes) throw frameTooLong(frame.length, LIMITS.maxFrameBytes);
    if (this.#closing !== undefined) return false;
    if (this.#queuedBytes + frame.length + FRAME_OVERHEAD_BYTES > LIMITS.maxQueuedBytes) {
      this.lose({ kind: 'refused', reason: 'send queue limit' });
      return false;
    }
    this.#queuedBytes += frame.length + FRAME_OVERHEAD_BYTES;
    this.#put(frame.slice());
    const room = this.#queuedBytes <= LIMITS.highWaterBytes;
    if (!room) this.#drainDue = true;
    return room;
  }

  close(reason: string): void {
    if (this.#closing !== undefined) return;
    this.#put({ kind: 'closed', reason });
    this.#finish({ kind: 'closed', reason });
  }

  /** Both ends are over, whatever was on its way is gone. */
  lose(closing: Closing): void {
    const peer = this.#peer;
    this.#out.length = 0;
    this.#finish(closing);
    peer?.lostPeer(closing);
  }

  lostPeer(closing: Closing): void {
    this.#out.length = 0;
    this.#finish(closing);
  }

  /** This end's process is gone; the other end is told when that gets through. */
  die(): void {
    this.#handlers = undefined;
    if (this.#closing !== undefined) return;
    this.#out.length = 0;
    this.#put({ kind: 'lost', reason: 'the process is gone' });
    this.#finish({ kind: 'lost', reason: 'killed' });
  }

  /** Delivers what is due, unless the route is cut. */
  pump(): void {
    const { network, address } = this.#transport;
    const peer = this.#peer;
    if (peer === undefined) return;
    while (this.#out[0] !== undefined) {
      const { at, content } = this.#out[0];
      if (at > network.time.now || network.route(address, this.remote).cut) return;
      this.#out.shift();
      if (content instanceof Uint8Array) {
        this.#queuedBytes -= content.length + FRAME_OVERHEAD_BYTES;
        network.observe({ from: address, to: this.remote, frame: content });
        peer.#take(content);
        this.#drained();
      } else {
        peer.#finish(content);
      }
    }
  }

  #put(content: Uint8Array | Closing): void {
    const { network, address } = this.#transport;
    const { time } = network;
    const { delayMs, bytesPerMs } = network.route(address, this.remote);
    const [shortest, longest] = delayMs;
    const size = content instanceof Uint8Array ? content.length : 0;
    const travel =
      shortest + network.draw(address, this.remote, time.now) * (longest - shortest) + size / bytesPerMs;
    this.#lastAt = Math.max(this.#lastAt + size / bytesPerMs, time.now + travel);
    this.#out.push({ at: this.#lastAt, content });
    time.schedule(this.#lastAt - time.now, () => this.pump());
  }

  #take(frame: Uint8Array): void {
    if (this.#closing !== undefined) return;
    if (this.#handlers === undefined) this.#early.push(frame);
    else this.#handlers.frame(frame);
  }

  #drained(): void {
    if (!this.#drainDue || this.#closing !== undefined || this.#queuedBytes > LIMITS.lowWaterBytes) return;
    this.#drainDue = false;
    this.#handlers?.drain();
  }

  #finish(closing: Closing): void {
    if (this.#closing !== undefined) return;
    this.#closing = closing;
    this.#transport.ends.delete(this);
    this.#defer(() => this.#tell());
  }

  #tell(): void {
    const handlers = this.#handlers;
    if (handlers === undefined || this.#closing === undefined) return;
    this.#handlers = undefined;
    handlers.closed(this.#closing);
  }

  #defer(task: () => void): void {
    this.#transport.network.time.schedule(0, task);
  }
}

function unreachable(address: string): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', `no connection to ${address}`, {
    hint: 'Wait until it is there.',
    retryable: true,
  });
}
