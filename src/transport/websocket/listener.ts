import {
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
  createServer,
} from 'node:http';
import { type Server as TlsServer, createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import { WebSocketServer } from 'ws';
import { TablecastError } from '../../errors.ts';
import { type Admitted, Gate, type Refusal } from './admission.ts';
import { placeFor, withoutPort } from '../../access/fair-share.ts';
import { certificates, serverTls } from './certificates.ts';
import { brokenBy, hintFor } from './refusals.ts';
import type { ConnectionSet } from '../connection-set.ts';
import type { Holder, FrameConnection } from '../frame-connection.ts';
import { defaultPath, subprotocol } from './protocol.ts';
import { nodeConnection, socketOptions } from './node-socket.ts';
import { type ListenTls, type WebSocketLimits, type WebSocketOptions } from './options.ts';

/** Longest request head, in bytes. */
const maxHeaderBytes = 8_192;

/** The context is what a listener needs of its transport. */
export interface ListenerContext {
  readonly options: WebSocketOptions;
  readonly limits: WebSocketLimits;
  /** Is where accepted connections are kept and counted. */
  readonly connections: ConnectionSet;
  readonly accept: (connection: FrameConnection) => void;
}

/**
 * The accepting side: an HTTP server that answers nothing but upgrades, and those only once the
 * request was admitted. A socket has handshakeTimeoutMs to get that far.
 */
export class Listener {
  readonly #context: ListenerContext;
  #gate: Gate;
  readonly #upgrader: WebSocketServer;
  /** Every socket, and the address it comes from; the oldest first. */
  readonly #sockets = new Map<Socket, string>();
  /** Those that are connections, and what they are. */
  readonly #accepted = new Map<Socket, FrameConnection>();
  readonly #timers = new Map<Socket, NodeJS.Timeout>();
  #server: Server | undefined;

  constructor(context: ListenerContext) {
    this.#context = context;
    this.#gate = new Gate(context.options, context.limits.handshakeTimeoutMs);
    this.#upgrader = new WebSocketServer({
      ...socketOptions(context.limits),
      noServer: true,
      clientTracking: false,
      handleProtocols: () => subprotocol,
    });
  }

  /** Resolves with the address to dial; rejects with `LISTEN_FAILED`. */
  async open(): Promise<string> {
    const { port = 0, host = '127.0.0.1', tls } = this.#context.options.listen ?? {};
    try {
      const server = this.#newServer();
      this.#server = server;
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, resolve);
      });
      server.on('error', (error) => this.#warn(`the listening socket reported ${error.message}`));
      if (this.#context.connections.closed) {
        server.close();
        throw new Error('the transport was closed meanwhile');
      }
      return addressOf(server, host, tls !== undefined);
    } catch (error) {
      throw listenFailed(`${host}:${port}`, error);
    }
  }

  /** Sockets accepted from now on get this certificate. Throws what `node:tls` throws for one it cannot use. */
  reloadTls(tls: ListenTls): void {
    const server = this.#server as TlsServer | undefined;
    server?.setSecureContext(certificates(tls));
  }

  /** Judges nodes that ask to connect from now on by the credentials in these options. */
  reloadAuth(options: WebSocketOptions): void {
    this.#gate = new Gate(options, this.#context.limits.handshakeTimeoutMs);
  }

  /** Stops accepting; resolves once no socket is left. Connections have to be ended before or meanwhile. */
  async close(connectionsOver: Promise<void>): Promise<void> {
    const server = this.#server;
    if (server === undefined || !server.listening) return connectionsOver;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await connectionsOver;
    for (const socket of this.#sockets.keys()) socket.destroy();
    await closed;
  }

  #newServer(): Server {
    const { limits, options } = this.#context;
    const http = {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: limits.handshakeTimeoutMs,
      requestTimeout: limits.handshakeTimeoutMs,
      keepAlive: false,
      noDelay: true,
    };
    const tls = options.listen?.tls;
    const server =
      tls === undefined
        ? createServer(http)
        : createTlsServer({ ...http, ...serverTls(tls, options, limits.handshakeTimeoutMs) });
    server.on('connection', (socket: Socket) => this.#count(socket));
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => this.#time(socket));
    server.on('request', answer);
    server.on(tls === undefined ? 'clientError' : 'tlsClientError', (error: Error, socket: Socket) =>
      this.#broken(socket, error),
    );
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      void this.#upgrade(request, socket, head);
    });
    return server;
  }

  /**
   * Bounds what strangers can hold open: every socket that is no connection yet counts. When they are too many, the
   * oldest of the address that has most gives way, which an honest one is not for long.
   */
  #count(socket: Socket): void {
    const { maxHandshakes } = this.#context.limits;
    const address = withoutPort(remoteOf(socket));
    if (this.#sockets.size - this.#accepted.size >= maxHandshakes) this.#giveWay(address)?.destroy();
    this.#sockets.set(socket, address);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #giveWay(address: string): Socket | undefined {
    const halfOpen = Array.from(this.#sockets)
      .filter(([socket]) => !this.#accepted.has(socket))
      .map(([socket, from]) => ({ socket, address: from, holder: '', isSilent: true }));
    const place = placeFor(halfOpen, { address, holder: '', isSilent: true });
    // It no longer counts from now on, although its end is told later.
    if (place !== undefined) this.#sockets.delete(place.socket);
    return place?.socket;
  }

  #time(socket: Socket): void {
    const timer = setTimeout(() => socket.destroy(), this.#context.limits.handshakeTimeoutMs);
    this.#timers.set(socket, timer);
    socket.once('close', () => this.#untime(socket));
  }

  #untime(socket: Socket): void {
    clearTimeout(this.#timers.get(socket));
    this.#timers.delete(socket);
  }

  async #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const { limits, connections } = this.#context;
    const gate = this.#gate;
    const admission = await gate.admit(request);
    if (socket.destroyed) return;
    if (!admission.admitted) {
      this.#refuse(socket, admission);
    } else if (connections.closed || !this.#makeRoom(socket, admission.holder)) {
      this.#refuse(socket, { status: 503, line: 'no more connections are allowed' });
    } else {
      this.#upgrader.handleUpgrade(request, socket, head, (ws) => {
        this.#untime(socket);
        const facts = { direction: 'accepted', remote: remoteOf(socket), limits } as const;
        const holder = this.#holderSince(gate, admission);
        this.#take(socket, nodeConnection(ws, socket, { ...facts, ...admission.holder, holder }));
      });
    }
  }

  /** Returns whether there is room for one more connection: another one may have to give way. */
  #makeRoom(socket: Socket, { credential = '' }: Holder): boolean {
    if (this.#accepted.size < this.#context.limits.maxConnections) return true;
    const present = Array.from(this.#accepted, ([taken, connection]) => ({
      taken,
      connection,
      holder: connection.credential ?? '',
      address: withoutPort(connection.remote),
      isSilent: connection.isSilent,
    }));
    const address = withoutPort(remoteOf(socket));
    const place = placeFor(present, { address, holder: credential, isSilent: true });
    if (place === undefined) return false;
    this.#accepted.delete(place.taken);
    place.connection.cut('its place was given to a node whose credential or address has fewer');
    return true;
  }

  #refuse(socket: Socket, { status, line, told }: Omit<Refusal, 'admitted'>): void {
    this.#tell(socket, status, told === undefined ? line : `${line}; ${told}`);
    endWith(socket, status, line);
  }

  #tell(socket: Socket, status: number, reason: string): void {
    const { onRefused } = this.#context.options;
    onRefused?.({ address: socket.remoteAddress ?? 'unknown', status, reason, hint: hintFor(status) });
  }

  /** Tells of what is no request at all: another protocol, TLS on one side only, a certificate that does not hold. */
  #broken(socket: Socket, error: Error & { readonly code?: unknown; readonly rawPacket?: Buffer }): void {
    // A client that goes away has nothing to be told.
    if (error.code !== 'ECONNRESET') this.#tell(socket, 400, brokenBy(error));
    // An answer without TLS tells who wants TLS what is wrong.
    if (socket.writable && error.rawPacket !== undefined) endWith(socket, 400, 'this is no request');
    else socket.destroy();
  }

  /** Finds whose a connection is by the present credentials; what `auth.verify` decided stands. */
  #holderSince(gate: Gate, admitted: Admitted): (() => Holder | undefined) | undefined {
    if (this.#context.options.auth?.verify !== undefined) return undefined;
    return () => (gate === this.#gate ? admitted.holder : this.#gate.recognise(admitted.shown));
  }

  #take(socket: Socket, connection: FrameConnection): void {
    this.#accepted.set(socket, connection);
    void connection.over.then(() => this.#accepted.delete(socket));
    this.#context.connections.add(connection);
    this.#context.accept(connection);
  }

  #warn(text: string): void {
    this.#context.options.onWarning?.(text);
  }
}

/** Plain HTTP gets one line and no second request. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const here = request.url === defaultPath;
  const headers = {
    Connection: 'close',
    'Content-Type': 'text/plain',
    ...(here ? { Upgrade: 'websocket' } : {}),
  };
  response.writeHead(here ? 426 : 404, headers);
  response.end(
    here ? `A WebSocket is served here, subprotocol ${subprotocol}.\n` : 'Nothing is served here.\n',
  );
}

function endWith(socket: Socket, status: number, line: string): void {
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${line.length + 1}\r\n\r\n${line}\n`,
  );
}

function addressOf(server: Server, host: string, secure: boolean): string {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const name = host === '0.0.0.0' || host === '::' ? hostname() : host;
  return `${secure ? 'wss' : 'ws'}://${name.includes(':') ? `[${name}]` : name}:${port}${defaultPath}`;
}

function remoteOf(socket: Socket): string {
  const address = socket.remoteAddress ?? 'unknown';
  return `${address.includes(':') ? `[${address}]` : address}:${socket.remotePort ?? 0}`;
}

const listenHints: ReadonlyMap<unknown, string> = new Map([
  ['EADDRINUSE', 'Another program listens there: stop it, or choose another port.'],
  ['EACCES', 'Choose a port above 1023, or give this program the right to use that one.'],
  ['EADDRNOTAVAIL', 'Give an address of this machine as listen.host.'],
]);

function listenFailed(where: string, cause: unknown): TablecastError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return new TablecastError('LISTEN_FAILED', `cannot listen on ${where}: ${String(code ?? cause)}`, {
    hint: listenHints.get(code) ?? 'Check listen.host, listen.port and the files given in listen.tls.',
    retryable: code === 'EADDRINUSE',
    cause,
  });
}
