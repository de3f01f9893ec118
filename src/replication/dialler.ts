import type { Environment, Timer } from '../environment.ts';
import { isTablecastError } from '../errors.ts';
import type { Connection, Transport } from '../transport/transport.ts';
import { backoffMs } from './backoff.ts';

/** What a dialler tells the replicator. */
export interface DiallerOwner {
  readonly environment: Environment;
  readonly transport: Transport;
  connected(dialler: Dialler, connection: Connection): void;
  /** Whether a session with this node exists already, so that there is no need to dial. */
  reached(nodeId: string): boolean;
  changed(): void;
}

/** Keeps one configured peer connected: dials, and after every end dials again, ever more slowly. */
export class Dialler {
  readonly address: string;
  readonly #owner: DiallerOwner;
  readonly #abort = new AbortController();
  #timer: Timer | undefined;
  #failures = 0;
  #failuresBefore = 0;
  /** The node that answered at this address last. */
  nodeId: string | undefined;
  state: 'connecting' | 'connected' | 'waiting' | 'refused' = 'connecting';
  reason: string | undefined;
  since: number;

  constructor(address: string, owner: DiallerOwner) {
    this.address = address;
    this.#owner = owner;
    this.since = owner.environment.now();
  }

  dial(): void {
    this.#timer = undefined;
    if (this.#abort.signal.aborted) return;
    if (this.nodeId !== undefined && this.#owner.reached(this.nodeId))
      return this.#wait('waiting', this.reason);
    this.#enter('connecting', this.reason);
    this.#owner.transport.dial(this.address, this.#abort.signal).then(
      (connection) => {
        if (this.#abort.signal.aborted) {
          connection.start({ frame: () => undefined, drain: () => undefined, closed: () => undefined });
          connection.close('node closed');
        } else {
          this.#owner.connected(this, connection);
        }
        return undefined;
      },
      (error: unknown) => {
        const refused = isTablecastError(error, 'PEER_REFUSED');
        this.#wait(refused ? 'refused' : 'waiting', error instanceof Error ? error.message : String(error));
      },
    );
  }

  /** The session is up. */
  greeted(nodeId: string): void {
    this.nodeId = nodeId;
    this.#failuresBefore = this.#failures;
    this.#failures = 0;
    this.#enter('connected', undefined);
  }

  /** The session is over, or came to nothing. */
  ended(reason: string, refused: boolean): void {
    // A peer that says hello and then no was not reached: it is not to be asked ten times a second.
    if (refused) this.#failures = Math.max(this.#failures, this.#failuresBefore);
    this.#wait(refused ? 'refused' : 'waiting', reason);
  }

  stop(): void {
    this.#abort.abort();
    this.#timer?.cancel();
  }

  #wait(state: 'waiting' | 'refused', reason: string | undefined): void {
    this.#enter(state, reason);
    if (this.#abort.signal.aborted) return;
    const { environment } = this.#owner;
    this.#timer?.cancel();
    this.#timer = environment.schedule(backoffMs(this.#failures++, environment.random()), () => this.dial());
  }

  #enter(state: Dialler['state'], reason: string | undefined): void {
    if (this.state !== state) this.since = this.#owner.environment.now();
    this.state = state;
    this.reason = reason;
    this.#owner.changed();
  }
}
