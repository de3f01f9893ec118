import type { CredentialChange } from '../../access/rights.ts';
import { TablecastError } from '../../errors.ts';
import type { Connection, Transport } from '../transport.ts';
import { ConnectionSet } from '../connection-set.ts';
import { requirePems } from '../../options/pem.ts';
import { dialUrl, unreachable } from './dial-errors.ts';
import type { Listener } from './listener.ts';
import {
  type DialTls,
  type ListenTls,
  type WebSocketLimits,
  type WebSocketOptions,
  checkAuth,
  isLoopback,
  wantsCertificates,
  webSocketLimits,
} from './options.ts';
import { ReadTurns } from './read-turns.ts';
import { SOCKET_SCHEME } from './socket-path.ts';
import { unusable } from './certificates.ts';

/**
 * Frames over WebSockets between Node.js processes, and to pages that use `webSocketClient`.
 *
 * Listens at path `/tablecast`, subprotocol `tablecast.1`, and only answers requests that were
 * authenticated: by bearer token, by client certificate or by `auth.verify`. A dialled address
 * without a path gets `/tablecast`; `ws+unix:///run/hub.sock` is that of a Unix domain socket. Certificates are always checked, redirects never followed,
 * frames never compressed. A frame given to `send` must not be changed afterwards.
 *
 * What speaks HTTP, TLS and WebSocket is loaded with the first listening or dialling.
 *
 * Throws `OPTION_INVALID`, for one when it would listen beyond loopback without authentication.
 */
export function webSocketTransport(options: WebSocketOptions = {}): RenewableTransport {
  checkAuth(options);
  requirePems(options.listen?.tls ?? {}, 'listen.tls');
  requirePems(options.dial?.tls ?? {}, 'dial.tls');
  return new WebSocketTransport(options, webSocketLimits(options.limits));
}

/** Schemes of the addresses that it dials. */
const DIALLED_SCHEMES: readonly string[] = ['ws', 'wss', SOCKET_SCHEME];

/** Certificates, keys and authorities that take the place of those in use. */
export interface TlsChange {
  readonly listen?: ListenTls | undefined;
  readonly dial?: DialTls | undefined;
}

/** A transport whose certificates and credentials can be replaced while it works. */
export interface RenewableTransport extends Transport {
  /**
   * Connections made from now on use these; present ones go on. Throws `OPTION_INVALID`, and changes
   * nothing, when one of them cannot be used, or when it listens without TLS.
   */
  reloadTls(change: TlsChange): void;
  /**
   * Connections made from now on are judged by these credentials, which take the place of all there were but
   * `verify`. Returns the present connections that they would not let in as they are: the caller has to
   * end them. Throws `OPTION_INVALID`, and changes nothing, for what {@link webSocketTransport} would refuse.
   */
  reloadAuth(change: CredentialChange): ReadonlySet<Connection>;
}

class WebSocketTransport implements RenewableTransport {
  readonly name = 'websocket';
  readonly maxFrameBytes: number;
  #options: WebSocketOptions;
  readonly #limits: WebSocketLimits;
  readonly #connections = new ConnectionSet();
  readonly #turns = new ReadTurns();
  #dialTls: DialTls;
  #listener: Listener | undefined;
  #listens = false;
  #asksForCertificates = false;
  #warnedOfToken = false;
  #closing: Promise<void> | undefined;

  constructor(options: WebSocketOptions, limits: WebSocketLimits) {
    this.#options = options;
    this.#limits = limits;
    this.#dialTls = options.dial?.tls ?? {};
    this.maxFrameBytes = limits.maxFrameBytes;
  }

  async listen(accept: (connection: Connection) => void): Promise<string> {
    const { listen } = this.#options;
    if (listen === undefined) throw cannotListen('option listen is missing', 'Give listen: { port }.');
    if (this.#connections.closed) throw cannotListen('the transport is closed', 'Make a new transport.');
    if (this.#listens) throw cannotListen('it listens already', 'Call listen once.');
    const isOpen = listen.path === undefined && !isLoopback(listen.host ?? '127.0.0.1');
    if (listen.tls === undefined && isOpen) {
      this.#options.onWarning?.(
        `frames to and from ${listen.host ?? ''} are readable by the network; give listen.tls`,
      );
    }
    this.#listens = true;
    try {
      const { Listener } = await import('./listener.ts');
      if (this.#connections.closed) throw cannotListen('the transport was closed', 'Make a new transport.');
      const [options, limits, connections] = [this.#options, this.#limits, this.#connections];
      this.#asksForCertificates = wantsCertificates(options);
      this.#listener = new Listener({ options, limits, connections, turns: this.#turns, accept });
      return await this.#listener.open();
    } catch (error) {
      this.#listener = undefined;
      this.#listens = false;
      throw error;
    }
  }

  async dial(address: string, signal: AbortSignal): Promise<Connection> {
    const url = dialUrl(address, DIALLED_SCHEMES);
    if (this.#connections.closed) {
      throw unreachable(url.href, 'this transport is closed', {
        hint: 'Make a new transport.',
        retryable: false,
      });
    }
    this.#warnOfToken(url);
    return this.#connections.dial(signal, async (either) => {
      const { dialNode } = await import('./dial.ts');
      const context = {
        options: this.#options,
        limits: this.#limits,
        turns: this.#turns,
        tls: this.#dialTls,
        credentials: () => this.#options.auth?.credentials,
      };
      return dialNode(url, context, either);
    });
  }

  reloadTls({ listen, dial }: TlsChange): void {
    if (listen !== undefined && this.#options.listen?.tls === undefined) {
      throw unusable('this transport listens without TLS', undefined);
    }
    requirePems(listen ?? {}, 'listen');
    requirePems(dial ?? {}, 'dial');
    if (listen !== undefined) this.#listener?.reloadTls({ ...this.#options.listen?.tls, ...listen });
    if (dial !== undefined) this.#dialTls = dial;
  }

  reloadAuth({ token, dialToken, credentials }: CredentialChange): ReadonlySet<Connection> {
    const auth = { token, dialToken, credentials, verify: this.#options.auth?.verify };
    const options = { ...this.#options, auth };
    checkAuth(options);
    if (this.#listener !== undefined && wantsCertificates(options) && !this.#asksForCertificates) {
      throw new TablecastError(
        'OPTION_INVALID',
        'auth.credentials name certificates, and nodes that connect have not been asked for one so far',
        { hint: 'Start the node anew: it asks for certificates from its start on, or not at all.' },
      );
    }
    this.#options = options;
    this.#listener?.reloadAuth(options);
    return new Set(this.#connections.revoked());
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const over = this.#connections.close();
    await (this.#listener?.close(over) ?? over);
  }

  #warnOfToken(url: URL): void {
    const { token, dialToken } = this.#options.auth ?? {};
    if (this.#warnedOfToken || (dialToken ?? token) === undefined) return;
    if (url.protocol !== 'ws:' || isLoopback(url.hostname)) return;
    this.#warnedOfToken = true;
    this.#options.onWarning?.(`the token travels readable for the network to ${url.host}; use wss://`);
  }
}

function cannotListen(why: string, hint: string): TablecastError {
  return new TablecastError('LISTEN_FAILED', `cannot listen: ${why}`, { hint });
}
