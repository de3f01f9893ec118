import type { Socket } from 'node:net';
import { type Place, placeFor, withoutPort } from '../access/fair-share.ts';

/** A socket, and what counts when places are few. */
interface TakenPlace extends Place {
  readonly socket: Socket;
}

/**
 * The sockets of a listener, so many at most: when there are more, one of the address that has most gives way, the
 * oldest of those that do not follow a stream. So nobody keeps others out by opening them all.
 */
export class Sockets {
  readonly #max: number;
  readonly #taken = new Map<Socket, TakenPlace>();
  /** Names where the readers of streams come from, with their ports: of TLS another socket asks than is counted. */
  readonly #following = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#taken.size;
  }

  /** Takes a new one in, in the place of another if need be, or ends it. */
  enter(socket: Socket): void {
    const following = this.#following;
    const remote = remoteOf(socket);
    const place: TakenPlace = {
      socket,
      holder: '',
      address: withoutPort(remote),
      get isSilent() {
        return !following.has(remote);
      },
    };
    socket.on('error', () => socket.destroy());
    if (this.#taken.size >= this.#max) {
      const given = placeFor([...this.#taken.values()], place);
      if (given === undefined) return void socket.destroy();
      // It no longer counts from now on, although its end is told later.
      this.#taken.delete(given.socket);
      given.socket.destroy();
    }
    this.#taken.set(socket, place);
    socket.once('close', () => {
      this.#taken.delete(socket);
      following.delete(remote);
    });
  }

  /** Notes that a socket follows a stream, to whoever showed a credential for it. */
  follows(socket: Socket): void {
    this.#following.add(remoteOf(socket));
  }

  endAll(): void {
    for (const socket of this.#taken.keys()) socket.destroy();
  }
}

function remoteOf(socket: Socket): string {
  const address = socket.remoteAddress ?? 'unknown';
  return `${address.includes(':') ? `[${address}]` : address}:${socket.remotePort ?? 0}`;
}
