import { TablecastError } from '../errors.ts';
import type { Connection, Transport } from './transport.ts';

/** A transport with the schemes of the addresses that it dials, such as `ws`. */
export interface Route {
  readonly transport: Transport;
  readonly schemes: readonly string[];
  /** Says whether it accepts connections as well. */
  readonly listens: boolean;
}

/** Several transports as one: the scheme of an address says which of them dials it. */
export class SeveralTransports implements Transport {
  readonly name = 'several';
  /** The least of theirs: a frame that one cannot carry is made for none. */
  readonly maxFrameBytes: number;
  readonly #routes: readonly Route[];
  #addresses: readonly string[] = [];

  constructor(routes: readonly Route[]) {
    this.#routes = routes;
    this.maxFrameBytes = Math.min(...routes.map(({ transport }) => transport.maxFrameBytes));
  }

  /** Lists where others can dial, in the order of the transports that listen. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Listens with every transport that does. Resolves with the first address; rejects when one of them cannot. */
  async listen(accept: (connection: Connection) => void): Promise<string> {
    const listening = this.#routes.filter(({ listens }) => listens);
    this.#addresses = await Promise.all(listening.map(({ transport }) => transport.listen(accept)));
    return this.#addresses[0] ?? '';
  }

  async dial(address: string, signal: AbortSignal): Promise<Connection> {
    const scheme = schemeOf(address);
    const route = this.#routes.find(({ schemes }) => schemes.includes(scheme));
    if (route !== undefined) return route.transport.dial(address, signal);
    throw new TablecastError('PEER_UNREACHABLE', `no transport of this node dials ${scheme}://`, {
      hint: `Give an address that begins with one of: ${this.#routes.flatMap(({ schemes }) => schemes).join(', ')}.`,
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#routes.map(({ transport }) => transport.close()));
  }
}

/** Returns the part of an address before its colon. */
function schemeOf(address: string): string {
  return address.slice(0, Math.max(0, address.indexOf(':')));
}
