import type { Environment, Timer } from '../../environment.ts';
import { isTablecastError } from '../../errors.ts';
import { Backoff } from '../../work/backoff.ts';
import type { Connection, Transport } from '../../transport/transport.ts';
import { placeOf } from './place.ts';
import type { Hello } from '../wire/bodies.ts';

/** A session that lasts so long was worth having: what ends sooner is backed off from like a dial that failed. */
const STEADY_MS = 10_000;
/** The pause before the next attempt doubles from the first to the longest of these, with jitter. */
const FIRST_MS = 200;
const LONGEST_MS = 10_000;
/** Most causes of failed dials that are told between two sessions. */
const MAX_CAUSES = 8;

/** The parts are told these by its dialler. */
export interface DiallerParts {
  readonly environment: Environment;
  readonly transport: Transport;
  connected(dialler: Dialler, connection: Connection): void;
  /** Returns whether a session with this node, and with the process that drew this number, exists already. */
  reached(nodeId: string, drawn: number): boolean;
  /** A dial failed, for a cause that was not told since the last session. */
  unreachable(dialler: Dialler, error: unknown): void;
  changed(): void;
}

/** Keeps one configured peer connected: dials, and after every end dials again, ever more slowly. */
export class Dialler {
  readonly address: string;
  /** The address without what may be secret in it. */
  readonly place: string;
  readonly #parts: DiallerParts;
  readonly #abort = new AbortController();
  #timer: Timer | undefined;
  #steady: Timer | undefined;
  readonly #backoff: Backoff;
  readonly #causes = new Set<string>();
  /** The node that answered at this address last, and what its process drew at its start. */
  nodeId: string | undefined;
  #drawn = 0;
  state: 'connecting' | 'connected' | 'waiting' | 'refused' = 'connecting';
  reason: string | undefined;
  since: number;
  /** Says whether there was a session since the start. */
  wasReached = false;
  /** Dials and sessions that came to nothing since the start. */
  failedDials = 0;

  constructor(address: string, parts: DiallerParts) {
    this.address = address;
    this.place = placeOf(address);
    this.#parts = parts;
    const pauses = { firstMs: FIRST_MS, maxMs: LONGEST_MS };
    this.#backoff = new Backoff(pauses, () => parts.environment.random());
    this.since = parts.environment.now();
  }

  /** Says whether there is a session with the very process that answered here, over this or another connection. */
  get isReached(): boolean {
    return this.nodeId !== undefined && this.#parts.reached(this.nodeId, this.#drawn);
  }

  dial(): void {
    this.#timer = undefined;
    if (this.#abort.signal.aborted) return;
    if (this.isReached) return this.#wait('waiting', this.reason);
    this.#enter('connecting', this.reason);
    this.#parts.transport.dial(this.address, this.#abort.signal).then(
      (connection) => {
        if (this.#abort.signal.aborted) {
          connection.start({ frame: () => undefined, drain: () => undefined, closed: () => undefined });
          connection.close('node closed');
        } else {
          this.#parts.connected(this, connection);
        }
        return undefined;
      },
      (error: unknown) => this.#failed(error),
    );
  }

  #failed(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.failedDials++;
    this.#wait(isTablecastError(error, 'PEER_REFUSED') ? 'refused' : 'waiting', reason);
    if (this.#causes.has(reason) || this.#causes.size >= MAX_CAUSES) return;
    this.#causes.add(reason);
    this.#parts.unreachable(this, error);
  }

  /** A node said hello. */
  answered({ node, session }: Pick<Hello, 'node' | 'session'>): void {
    this.nodeId = node;
    this.#drawn = session;
  }

  /** The session is up. */
  greeted(): void {
    this.wasReached = true;
    this.#causes.clear();
    this.#steady = this.#parts.environment.schedule(STEADY_MS, () => this.#backoff.reset());
    this.#enter('connected', undefined);
  }

  /** The session is over, or came to nothing. */
  ended(reason: string, refused: boolean): void {
    this.#steady?.cancel();
    if (refused) this.failedDials++;
    this.#wait(refused ? 'refused' : 'waiting', reason);
  }

  stop(): void {
    this.#abort.abort();
    this.#timer?.cancel();
    this.#steady?.cancel();
  }

  #wait(state: 'waiting' | 'refused', reason: string | undefined): void {
    this.#enter(state, reason);
    if (this.#abort.signal.aborted) return;
    const { environment } = this.#parts;
    this.#timer?.cancel();
    this.#timer = environment.schedule(this.#backoff.next(), () => this.dial());
  }

  #enter(state: Dialler['state'], reason: string | undefined): void {
    if (this.state !== state) this.since = this.#parts.environment.now();
    this.state = state;
    this.reason = reason;
    this.#parts.changed();
  }
}
