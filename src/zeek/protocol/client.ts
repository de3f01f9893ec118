import type { TablecastError } from '../../errors.ts';
import { Backoff } from '../../work/backoff.ts';
import { clientSettings, type ZeekClientOptions, type ZeekClientSettings } from './client-options.ts';
import { ZeekLink, type LinkEnd } from './link.ts';
import type { ZeekEvent } from './messages.ts';

/** An endpoint is what Zeek said when it accepted the client. */
export interface ZeekEndpoint {
  /** Zeek's name for this connection; new with each connection. */
  readonly endpoint: string;
  /** Zeek's version, such as `8.2.2`. */
  readonly version: string;
}

/** Says how the connection stands. */
export type ZeekLinkState =
  | { readonly kind: 'connecting'; readonly attempt: number }
  | ({ readonly kind: 'connected' } & ZeekEndpoint)
  | { readonly kind: 'waiting'; readonly reason: string; readonly retryMs: number }
  | { readonly kind: 'closed' };

/** The handlers are what a client tells its user. None of these may throw. */
export interface ZeekClientHandlers {
  /** An event published by somebody else on a subscribed topic, in order of arrival. */
  event(event: ZeekEvent): void;
  /** Every change of state; `connected` comes before the first event of a connection. */
  state(state: ZeekLinkState): void;
  /** `send` refused, and would now accept again. */
  drain(): void;
  /** A frame that was dropped, an error that Zeek sent, or why a connection ended. */
  problem(error: TablecastError): void;
}

/** A connection to a Zeek cluster that comes back by itself. */
export interface ZeekClient {
  readonly state: ZeekLinkState;
  /** Bytes that the operating system has not taken yet. */
  readonly queuedBytes: number;
  /** Says when anything came from Zeek last, in milliseconds that passed; -Infinity before the first time. */
  readonly heardAt: number;
  /**
   * Sends one frame, at most once. False if it was not accepted: there is no connection, or too much
   * waits already; nothing is kept for later, because what the tables hold then is sent anew.
   *
   * @throws TablecastError `LIMIT_EXCEEDED` for a frame above `maxFrameBytes`
   */
  send(frame: string): boolean;
  /** Ends the connection for good, after what is queued was sent or a second passed. Idempotent. */
  close(): Promise<void>;
}

/** A connection that lasted so long was good: the next loss starts with the shortest delay again. */
const stableMs = 10_000;

class ReconnectingClient implements ZeekClient {
  readonly #settings: ZeekClientSettings;
  readonly #handlers: ZeekClientHandlers;
  readonly #backoff: Backoff;
  #state: ZeekLinkState = { kind: 'connecting', attempt: 1 };
  #link: ZeekLink | undefined;
  #retry: { cancel(): void } | undefined;
  #attempt = 0;
  #connectedAt: number | undefined;
  #heardAt = -Infinity;

  constructor(settings: ZeekClientSettings, handlers: ZeekClientHandlers) {
    this.#settings = settings;
    this.#handlers = handlers;
    const { firstRetryMs: firstMs, maxRetryMs: maxMs } = settings.timings;
    this.#backoff = new Backoff({ firstMs, maxMs }, () => settings.environment.random());
    this.#connect();
  }

  get state(): ZeekLinkState {
    return this.#state;
  }

  get queuedBytes(): number {
    return this.#link?.queuedBytes ?? 0;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  send(frame: string): boolean {
    return this.#state.kind === 'connected' && this.#link?.send(frame) === true;
  }

  async close(): Promise<void> {
    this.#retry?.cancel();
    const link = this.#link;
    this.#link = undefined;
    if (this.#state.kind !== 'closed') this.#become({ kind: 'closed' });
    await link?.close();
  }

  #become(state: ZeekLinkState): void {
    this.#state = state;
    this.#handlers.state(state);
  }

  #connect(): void {
    this.#attempt += 1;
    this.#connectedAt = undefined;
    const link = new ZeekLink(this.#settings, {
      accepted: (endpoint) => this.#accepted(endpoint),
      event: (event) => this.#handlers.event(event),
      alive: () => {
        this.#heardAt = this.#settings.environment.elapsed();
      },
      drain: () => this.#handlers.drain(),
      problem: (error) => this.#handlers.problem(error),
      ended: (end) => this.#ended(link, end),
    });
    this.#link = link;
    // Not before the constructor has returned, so that a handler may use the client.
    this.#settings.environment.defer(() => {
      if (this.#link === link && this.#state.kind !== 'closed') {
        this.#become({ kind: 'connecting', attempt: this.#attempt });
        link.open();
      }
    });
  }

  #accepted(endpoint: ZeekEndpoint): void {
    this.#connectedAt = this.#settings.environment.elapsed();
    this.#become({ kind: 'connected', ...endpoint });
  }

  #ended(link: ZeekLink, end: LinkEnd): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    const { environment } = this.#settings;
    if (this.#connectedAt !== undefined && environment.elapsed() - this.#connectedAt >= stableMs) {
      this.#backoff.reset();
      this.#attempt = 0;
    }
    const retryMs = Math.round(this.#backoff.next());
    this.#handlers.problem(end.error);
    if (this.#state.kind === 'closed') return;
    this.#become({ kind: 'waiting', reason: end.error.message, retryMs });
    this.#retry = environment.schedule(retryMs, () => this.#connect());
  }
}

/**
 * Connects to Zeek's WebSocket API and stays connected: after every end it tries again, with growing,
 * random delays, until closed.
 *
 * @throws TablecastError `OPTION_INVALID` for options that can never work
 */
export function connectZeek(options: ZeekClientOptions, handlers: ZeekClientHandlers): ZeekClient {
  return new ReconnectingClient(clientSettings(options), handlers);
}
