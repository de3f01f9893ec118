import type { Socket } from 'node:net';
import { type Place, placeFor, withoutPort } from '../../access/fair-share.ts';

/** A socket, and what counts when places are few. */
interface TakenPlace extends Place {
  readonly socket: Socket;
  /** Says where it comes from, with its port; a socket that is closed says it no more. */
  readonly remote: string;
  isSilent: boolean;
}

/**
 * The sockets of a listener, so many at most: when there are more, one of the address that has most gives way, the
 * oldest of those that are not settled. So nobody keeps others out by opening them all.
 */
export class Sockets {
  readonly #max: number;
  readonly #counted: 'all' | 'unsettled';
  /** By where they come from, with their ports: over TLS another socket asks than was accepted. The oldest first. */
  readonly #taken = new Map<string, TakenPlace>();
  #settled = 0;

  /** Settled ones count against the bound as well, or have one of their own elsewhere. */
  constructor(max: number, counted: 'all' | 'unsettled') {
    this.#max = max;
    this.#counted = counted;
  }

  get size(): number {
    return this.#taken.size;
  }

  /** Takes a new one in, in the place of another if need be, or ends it. */
  enter(socket: Socket): void {
    const remote = remoteOf(socket);
    const place = { socket, remote, holder: '', address: withoutPort(remote), isSilent: true };
    socket.on('error', () => socket.destroy());
    if (this.#isFull && !this.#makeRoom(place)) return void socket.destroy();
    this.#taken.set(remote, place);
    socket.once('close', () => this.#leave(place));
  }

  #leave(place: TakenPlace): void {
    if (this.#taken.get(place.remote) !== place) return;
    this.#taken.delete(place.remote);
    if (!place.isSilent) this.#settled--;
  }

  get #isFull(): boolean {
    const count = this.#counted === 'all' ? this.size : this.size - this.#settled;
    return count >= this.#max;
  }

  #makeRoom(newcomer: Place): boolean {
    const places = [...this.#taken.values()];
    const counted = this.#counted === 'all' ? places : places.filter(({ isSilent }) => isSilent);
    const given = placeFor(counted, newcomer);
    if (given === undefined) return false;
    // It no longer counts from now on, although its end is told later.
    this.#leave(given);
    given.socket.destroy();
    return true;
  }

  /** Notes that a credential was shown over a socket, for something that lasts. */
  settle(socket: Socket): void {
    const place = this.#taken.get(remoteOf(socket));
    if (place?.isSilent !== true) return;
    place.isSilent = false;
    this.#settled++;
  }

  endAll(): void {
    for (const { socket } of this.#taken.values()) socket.destroy();
  }
}

/** Numbers those that come over a Unix domain socket: they have no address that tells them apart. */
const numbers = new WeakMap<Socket, number>();
let lastNumber = 0;

/** Notes that a socket comes through a file: that it has no address says nothing, as one that is closed has none either. */
export function noteUnix(socket: Socket): void {
  numbers.set(socket, ++lastNumber);
}

/** Returns the address that a socket comes from; `unix` through a file, empty for one of the network that is gone. */
export function addressOf(socket: Socket): string {
  return socket.remoteAddress ?? (numbers.has(socket) ? 'unix' : '');
}

/** Returns where a socket comes from, with its port; `unix:N` for the Nth of those that come through a file. */
export function remoteOf(socket: Socket): string {
  const number = numbers.get(socket);
  if (number !== undefined) return `unix:${number}`;
  const address = socket.remoteAddress ?? 'unknown';
  return `${address.includes(':') ? `[${address}]` : address}:${socket.remotePort ?? 0}`;
}
