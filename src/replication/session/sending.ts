import type { Environment } from '../../environment.ts';
import type { BackendName } from '../../schema/schema.ts';
import type { Connection } from '../../transport/transport.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { Replica } from '../replica.ts';
import type { WantedOperation } from '../wire/holding-wire.ts';
import { type Message, encodeMessage } from '../wire/wire.ts';
import { Acked } from './acked.ts';
import type { Acknowledged } from './acknowledgements.ts';
import { Outbound } from './outbound.ts';

/** Bytes sent and not acknowledged before sending pauses. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** The parts are what sending needs of its session. */
export interface SendingParts {
  readonly environment: Environment;
  readonly replica: Replica;
  readonly tables: PeerTables;
  /** Id of the peer's node. */
  peer(this: void): string | undefined;
  ended(): boolean;
  /** True while it is looked through what the peer said, and what belongs together must not be sent in part. */
  isBusy(): boolean;
  /** Operations are about to be sent. */
  beforeOperations(): void;
  /** The session is over: nothing of what is due can be read or sent. */
  failed(error: unknown): void;
  /** The peer is charged with so many bytes: they are sent because of what it sent. */
  charge(bytes: number): void;
  /** Asks the peer what it holds. */
  ask(wants: readonly WantedOperation[]): void;
}

/** Sends over one connection: each store's log as far as the window allows, and messages at once. */
export class Sending {
  readonly acked: Acked;
  readonly outbound: ReadonlyMap<BackendName, Outbound>;
  readonly #parts: SendingParts;
  readonly #connection: Connection;
  #isBlocked = false;
  #bytes = 0;
  #operations = 0;

  constructor(connection: Connection, parts: SendingParts) {
    this.#connection = connection;
    this.#parts = parts;
    this.acked = new Acked((wants) => parts.ask(wants));
    this.outbound = this.#newOutbound();
  }

  #newOutbound(): ReadonlyMap<BackendName, Outbound> {
    const { replica, tables, environment } = this.#parts;
    const outlet = {
      open: () => this.#isOpen,
      ended: () => this.#parts.ended(),
      send: (message: Message, operations: number) => this.#sendCounted(message, operations),
      failed: (error: unknown) => this.#fail(error),
      again: (bytes: number) => this.#parts.charge(bytes),
      nextTurn: () => new Promise<void>((resolve) => environment.defer(resolve)),
    };
    return new Map(
      Array.from(replica.log.stores, ([name, store]) => {
        return [name, new Outbound(store, { tables, replica, outlet })] as const;
      }),
    );
  }

  get #isOpen(): boolean {
    if (this.#parts.ended() || this.#isBlocked || this.#parts.isBusy()) return false;
    return this.#bytes - this.acked.bytes < WINDOW_BYTES;
  }

  /** Counts the operations that were sent. */
  get operations(): number {
    return this.#operations;
  }

  /** Counts those that the peer has not acknowledged. */
  get lagOperations(): number {
    return Math.max(0, this.#operations - this.acked.operations);
  }

  /** Says whether the peer has acknowledged everything this node could tell it. */
  get isDone(): boolean {
    return this.acked.bytes >= this.#bytes && [...this.outbound.values()].every(({ done }) => done);
  }

  /** Sends a message at once; returns its length in bytes, 0 after the end. */
  send(message: Message): number {
    if (this.#parts.ended()) return 0;
    const frame = encodeMessage(message);
    try {
      if (!this.#connection.send(frame)) this.#isBlocked = true;
    } catch (error) {
      this.#fail(error);
    }
    return frame.length;
  }

  /** As {@link send}, because of what the peer sent, to whom it is charged. */
  answer(message: Message): void {
    this.#parts.charge(this.send(message));
  }

  #sendCounted(message: Message, operations: number): void {
    const { environment, peer } = this.#parts;
    this.#parts.beforeOperations();
    this.#operations += operations;
    const end = operations === 0 ? undefined : environment.span?.('send', { peer: peer() ?? '', operations });
    const bytes = this.send(message);
    end?.({ bytes });
    // A level is not acknowledged: counted, it would be missing from every window and hold up every close.
    if (message.type !== 'level') this.#bytes += bytes;
  }

  #fail(error: unknown): void {
    this.#isBlocked = true;
    this.#parts.failed(error);
  }

  /** The connection takes more. */
  drained(): void {
    this.#isBlocked = false;
    this.resume();
  }

  /** Sends on in every store, if there is something to send and room for it. */
  resume(): void {
    for (const outbound of this.outbound.values()) outbound.resume();
  }

  /** The peer acknowledges; returns whether that says anything new. */
  acknowledged(said: Acknowledged): boolean {
    const isNews = this.acked.take(said, { bytes: this.#bytes, operations: this.#operations });
    if (isNews) this.resume();
    return isNews;
  }
}
