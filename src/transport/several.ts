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

  /**
   * Listens with every transport that does. Resolves with the first address; rejects when one of them cannot, once
   * all are closed.
   */
  async listen(accept: (connection: Connection) => void): Promise<string> {
    const listening = this.#routes.filter(({ listens }) => listens);
    const outcomes = await Promise.allSettled(
      listening.map(async ({ transport }) => transport.listen(accept)),
    );
    try {
      this.#addresses = outcomes.map(valueOf);
    } catch (error) {
      await this.close().catch(() => undefined);
      throw error;
    }
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

  /** Closes every transport, whatever becomes of the others; rejects then with what the first that failed says. */
  async close(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#routes.map(async ({ transport }) => transport.close()));
    outcomes.forEach(valueOf);
  }
}

/** Returns what a promise gave, or throws what it was rejected with. */
function valueOf<T>(outcome: PromiseSettledResult<T>): T {
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** Returns the part of an address before its colon. */
function schemeOf(address: string): string {
  return address.slice(0, Math.max(0, address.indexOf(':')));
}
