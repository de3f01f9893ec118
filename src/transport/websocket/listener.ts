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
import type { TablecastError } from '../../errors.ts';
import { type Admitted, Gate, type Refusal } from './admission.ts';
import { placeFor, withoutPort } from '../../access/fair-share.ts';
import { certificates, serverTls } from './certificates.ts';
import { type ListeningPlace, closed, listenFailed, listenOn, urlOf } from './listening.ts';
import { brokenBy, hintFor } from './refusals.ts';
import type { ConnectionSet } from '../connection-set.ts';
import type { Holder, FrameConnection } from '../frame-connection.ts';
import type { ReadTurns } from './read-turns.ts';
import { answerInTurns } from './request-turns.ts';
import { defaultPath, subprotocol } from './protocol.ts';
import { nodeConnection, socketOptions } from './node-socket.ts';
import { Sockets, noteUnix, remoteOf } from './sockets.ts';
import type { ListenTls, WebSocketLimits, WebSocketOptions } from './options.ts';
import type { ListenUnix } from './socket-path.ts';
import { listenOnPath, socketFailed } from './unix-socket.ts';

/** Longest request head, in bytes. */
const maxHeaderBytes = 8_192;

/** The context is what a listener needs of its transport. */
export interface ListenerContext {
  readonly options: WebSocketOptions;
  readonly limits: WebSocketLimits;
  readonly turns: ReadTurns;
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
  readonly #sockets: Sockets;
  /** Those that are connections, and what they are. */
  readonly #accepted = new Map<Socket, FrameConnection>();
  readonly #timers = new Map<Socket, NodeJS.Timeout>();
  #server: Server | undefined;

  constructor(context: ListenerContext) {
    this.#context = context;
    this.#gate = new Gate(context.options, context.limits.handshakeTimeoutMs);
    this.#sockets = new Sockets(context.limits.maxHandshakes, 'unsettled');
    this.#upgrader = new WebSocketServer({
      ...socketOptions(context.limits),
      noServer: true,
      clientTracking: false,
      handleProtocols: () => subprotocol,
    });
  }

  /** Resolves with the address to dial; rejects with `LISTEN_FAILED`. */
  async open(): Promise<string> {
    const { listen } = this.#context.options;
    if (listen?.path !== undefined) return this.#openSocket(listen);
    const { port = 0, host = '127.0.0.1', tls } = listen ?? {};
    const place = { option: 'listen', port, host } as const;
    const server = this.#serverAt(place);
    this.#server = server;
    const { port: taken } = await listenOn(server, place);
    this.#opened(server, (cause) => listenFailed(place, cause));
    const name = host === '0.0.0.0' || host === '::' ? hostname() : host;
    return urlOf(tls === undefined ? 'ws' : 'wss', name, taken) + defaultPath;
  }

  async #openSocket(place: ListenUnix): Promise<string> {
    const server = this.#newServer();
    this.#server = server;
    const address = await listenOnPath(server, place);
    this.#opened(server, (cause) => socketFailed(place.path, cause));
    return address;
  }

  #opened(server: Server, failed: (cause: Error) => TablecastError): void {
    server.on('error', (error) => this.#warn(`the listening socket reported ${error.message}`));
    if (!this.#context.connections.closed) return;
    server.close();
    throw failed(new Error('the transport was closed meanwhile'));
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
    const over = this.#server === undefined ? undefined : closed(this.#server);
    await connectionsOver;
    this.#sockets.endAll();
    await over;
  }

  /** Throws `LISTEN_FAILED` for a certificate that cannot be used. */
  #serverAt(place: ListeningPlace): Server {
    try {
      return this.#newServer();
    } catch (error) {
      throw listenFailed(place, error);
    }
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
    if (options.listen?.path !== undefined) server.on('connection', noteUnix);
    server.on('connection', (socket: Socket) => this.#sockets.enter(socket));
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => this.#time(socket));
    answerInTurns(server, answer);
    server.on(tls === undefined ? 'clientError' : 'tlsClientError', (error: Error, socket: Socket) =>
      this.#broken(socket, error),
    );
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      void this.#upgrade(request, socket, head);
    });
    return server;
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
    const { limits, turns, connections } = this.#context;
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
        this.#sockets.settle(socket);
        const facts = { direction: 'accepted', remote: remoteOf(socket), limits, turns } as const;
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
    onRefused?.({ address: withoutPort(remoteOf(socket)), status, reason, hint: hintFor(status) });
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
