import { TablecastError } from '../../errors.ts';
import { type FrameLimitOptions, type FrameLimits, countOption, frameLimits } from '../limits.ts';
import type { Closing, Connection, Transport } from '../transport.ts';
import { ConnectionSet } from '../connection-set.ts';
import { type FrameSocket, FrameConnection } from '../frame-connection.ts';
import { closeCode, closeCodeOf, subprotocol, textFrameReason, tokenSubprotocolPrefix } from './protocol.ts';
import { dialUrl, unreachable } from './dial-errors.ts';
import { browserCodeOffset, closingOf } from './ending.ts';

/** A WebSocket has these members that this file uses; a browser's and that of `ws` both have them. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: SocketEvent) => void): void;
}

/** An event has these members that this file reads of a {@link WebSocketLike}'s. */
export interface SocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** Options of {@link webSocketClient}. */
export interface WebSocketClientOptions {
  /** The constructor, in a browser `globalThis.WebSocket`. */
  readonly WebSocket: new (url: string, protocols: string[]) => WebSocketLike;
  /** Sent as a subprotocol `tablecast.token.<base64url>`, as pages cannot set headers. */
  readonly token?: string | undefined;
  readonly limits?:
    | (FrameLimitOptions & {
        /** Time for a whole dial, in milliseconds. Default 5,000. */
        readonly handshakeTimeoutMs?: number | undefined;
        /** Time for what is queued and the close frame, in milliseconds. Default 2,000. */
        readonly closeTimeoutMs?: number | undefined;
      })
    | undefined;
}

/** Says how often a page looks whether its queue has fallen, in milliseconds: its WebSocket has no event for that. */
const drainLookMs = 10;

/**
 * Makes a transport for pages: it dials, it cannot listen (`LISTEN_FAILED`).
 *
 * A page cannot pause reading: what arrives before `start` is held up to highWaterBytes + maxFrameBytes,
 * beyond which the connection is refused. Why a dial failed, a page is not told. Throws `OPTION_INVALID` for
 * a limit out of range.
 */
export function webSocketClient(options: WebSocketClientOptions): Transport {
  const limits = {
    ...frameLimits(options.limits),
    handshakeTimeoutMs: countOption('handshakeTimeoutMs', options.limits?.handshakeTimeoutMs, 5_000),
    closeTimeoutMs: countOption('closeTimeoutMs', options.limits?.closeTimeoutMs, 2_000),
  };
  const connections = new ConnectionSet();
  return {
    name: 'websocket-client',
    maxFrameBytes: limits.maxFrameBytes,
    listen: () => Promise.reject(cannotListen()),
    dial: async (address, signal): Promise<Connection> => {
      const url = dialUrl(address);
      return connections.dial(signal, (either) => open(url, { options, limits }, either));
    },
    close: () => connections.close(),
  };
}

interface ClientContext {
  readonly options: WebSocketClientOptions;
  readonly limits: FrameLimits & { readonly handshakeTimeoutMs: number; readonly closeTimeoutMs: number };
}

async function open(url: URL, context: ClientContext, signal: AbortSignal): Promise<FrameConnection> {
  if (signal.aborted) throw unreachable(url.href, 'the dial was aborted', { hint: 'Dial again.' });
  const { token, WebSocket } = context.options;
  const protocols =
    token === undefined ? [subprotocol] : [subprotocol, tokenSubprotocolPrefix + base64url(token)];
  const socket = new WebSocket(url.href, protocols);
  socket.binaryType = 'arraybuffer';
  return new Promise((resolve, reject) => {
    let connection: FrameConnection | undefined;
    const fail = (why: string): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      if (connection !== undefined) return;
      const hint = 'Check address, token and allowed origins; the log of that node may say more.';
      reject(unreachable(url.href, why, { hint }));
      socket.close();
    };
    const onAbort = (): void => fail('the dial was aborted');
    const timer = setTimeout(() => fail('no answer in time'), context.limits.handshakeTimeoutMs);
    signal.addEventListener('abort', onAbort);
    socket.addEventListener('error', () => fail('the handshake failed'));
    socket.addEventListener('close', (event) => {
      fail('the handshake failed');
      connection?.ended(closingOf(event.code ?? 1006, event.reason ?? ''));
    });
    socket.addEventListener('open', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      connection = connect(socket, url.href, context.limits);
      resolve(connection);
    });
  });
}

function connect(socket: WebSocketLike, remote: string, limits: ClientContext['limits']): FrameConnection {
  const port = new PageSocket(socket, limits.closeTimeoutMs);
  const connection = new FrameConnection(
    { direction: 'dialled', remote, credential: undefined, limits },
    port,
  );
  port.connection = connection;
  socket.addEventListener('message', ({ data }) => {
    if (data instanceof ArrayBuffer) connection.received(new Uint8Array(data));
    else connection.refuse(textFrameReason);
  });
  return connection;
}

class PageSocket implements FrameSocket {
  connection: FrameConnection | undefined;
  readonly #socket: WebSocketLike;
  readonly #closeTimeoutMs: number;
  #looking = false;

  constructor(socket: WebSocketLike, closeTimeoutMs: number) {
    this.#socket = socket;
    this.#closeTimeoutMs = closeTimeoutMs;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: Uint8Array): void {
    this.#socket.send(frame as Uint8Array<ArrayBuffer>);
  }

  awaitDrain(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#look();
  }

  resume(): void {
    // A page's WebSocket reads always.
  }

  pause(): void {
    // So it cannot wait either: what it reads is bounded by its user.
  }

  end(closing: Closing): void {
    const code = closeCodeOf(closing);
    this.#socket.close(code === closeCode.done ? code : code + browserCodeOffset, closing.reason);
    setTimeout(() => this.#over(), this.#closeTimeoutMs);
  }

  cut(): void {
    this.#socket.close(closeCode.policy + browserCodeOffset, 'cut off');
    queueMicrotask(() => this.#over());
  }

  #over(): void {
    this.connection?.ended(closingOf(1006, ''));
  }

  #look(): void {
    setTimeout(() => {
      this.connection?.sent();
      if (this.connection?.drainDue === true) this.#look();
      else this.#looking = false;
    }, drainLookMs);
  }
}

function base64url(text: string): string {
  const binary = String.fromCodePoint(...new TextEncoder().encode(text));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function cannotListen(): TablecastError {
  return new TablecastError('LISTEN_FAILED', 'a WebSocket client cannot listen', {
    hint: 'Use webSocketTransport in Node to listen.',
  });
}
