import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { writeAck, writeError, writeEvent, type ZeekEvent } from '../../../../src/zeek/protocol/messages.ts';
import { heldByZeek, ZeekNode } from './zeek-node.ts';
import type { SimTableOptions } from './sim-table.ts';
import { TablecastScript, tablecastEvents, type TablecastScriptOptions } from './tablecast-script.ts';
import { readClientFrame, readSubscriptions, type KnownEvents } from './wire-checks.ts';

/** What a simulated script does when an event arrives at a node. */
export type ScriptHandler = (event: ZeekEvent, cluster: StandIn, node: ZeekNode) => void;

/** The cluster to simulate. */
export interface StandInOptions {
  readonly tables: readonly SimTableOptions[];
  /** Names of the nodes; the first one runs the WebSocket server. Default one node, `zeek`. */
  readonly nodes?: readonly string[] | undefined;
  /** The id of the first node; the others and restarted ones get invented ones. */
  readonly firstNodeId?: string | undefined;
  /** Topics the nodes subscribe to beside `zeek/table/`. */
  readonly topics?: readonly string[] | undefined;
  readonly events?: KnownEvents | undefined;
  readonly scripts?: ReadonlyMap<string, ScriptHandler> | undefined;
  /** Every node has loaded the script package of this repository. */
  readonly tablecast?: TablecastScriptOptions | undefined;
  readonly pingMs?: number | undefined;
  /** As tls_options with enable_peer_verification: a client shows a certificate of that authority. */
  readonly tls?: Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'maxVersion'> | undefined;
}

interface Client {
  readonly socket: WebSocket;
  readonly endpoint: string;
  readonly topics: readonly string[];
}

/** A fault that tests turn on. */
export interface Faults {
  /** Never acknowledge, as a server on the log receiver's node does under ZeroMQ. */
  silent: boolean;
  /** Drop every nth frame to clients, as an overfull cluster does. */
  dropEvery: number;
  /** Drop the frames to clients of which this is true; it may also break things. */
  drop: (event: ZeekEvent) => boolean;
  /** Keep events from a node, as a full queue in its process does. */
  dropAt: (node: ZeekNode, event: ZeekEvent) => boolean;
}

const path = '/v1/messages/json';

/** The text of a frame. */
export function textOf(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString('utf8') : '';
}

/**
 * A Zeek cluster as its WebSocket clients see it: nodes with tables that publish on change, topics by
 * prefix, acknowledgements and errors in Zeek's words. What it does was recorded from Zeek 8.2.2;
 * recorded-conversations.test.ts holds it to the recordings.
 */
export class StandIn {
  readonly faults: Faults = { silent: false, dropEvery: 0, drop: () => false, dropAt: () => false };
  readonly nodes: Map<string, ZeekNode> = new Map();
  /** The script package in each node, where it is loaded. */
  readonly scripts: Map<string, TablecastScript> = new Map();
  readonly applicationNames: string[] = [];
  /** Every event that clients published and Zeek accepted. */
  readonly received: ZeekEvent[] = [];
  /** Frames that faults kept from clients. */
  dropped = 0;
  /** Pulses of the script package that were sent. */
  pulses = 0;
  /** Number in the next client's endpoint name. */
  nextClient = 0;
  #options: StandInOptions;
  readonly #clients = new Set<Client>();
  #server: WebSocketServer | undefined;
  #listener: Server | undefined;
  #pings: ReturnType<typeof setInterval> | undefined;
  #port = 0;
  #sent = 0;
  #starts = 0;

  constructor(options: StandInOptions) {
    this.#options = options;
    for (const name of options.nodes ?? ['zeek']) this.startNode(name);
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'ws' : 'wss'}://127.0.0.1:${this.#port}`;
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  /** Starts the WebSocket server, on the same port if it ran before. */
  async listen(): Promise<void> {
    const { tls } = this.#options;
    const listener =
      tls === undefined
        ? createServer()
        : createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: true });
    const server = new WebSocketServer({
      server: listener,
      verifyClient: ({ req }: { req: IncomingMessage }) => this.#admit(req),
    });
    server.on('connection', (socket, request) => this.#connected(socket, request));
    listener.listen(this.#port, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : 0;
    this.#server = server;
    this.#listener = listener;
    this.#pings = setInterval(() => {
      for (const { socket } of this.#clients) socket.ping();
    }, this.#options.pingMs ?? 5_000);
  }

  /** Stops the server; `terminate` says goodbye as `terminate()` in a script does, else the sockets break. */
  async close(how: 'terminate' | 'crash' = 'terminate'): Promise<void> {
    clearInterval(this.#pings);
    for (const { socket } of this.#clients) {
      if (how === 'crash') socket.terminate();
      else socket.close(1001, 'Terminating');
    }
    const [server, listener] = [this.#server, this.#listener];
    this.#server = this.#listener = undefined;
    if (server === undefined || listener === undefined) return;
    server.close();
    await new Promise<void>((resolve) => {
      listener.close(() => resolve());
      setTimeout(() => server.clients.forEach((client) => client.terminate()), 500).unref();
    });
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    await this.close('crash');
    for (const node of this.nodes.values()) node.stop();
    for (const script of this.scripts.values()) script.stop();
  }

  /** Ends every node and starts it again, empty; connections break meanwhile. */
  async restart(): Promise<void> {
    await this.close('crash');
    for (const name of this.nodes.keys()) this.startNode(name);
    await this.listen();
  }

  /** Stops or goes on reading what clients send. */
  read(on: boolean): void {
    for (const { socket } of this.#clients) {
      if (on) socket.resume();
      else socket.pause();
    }
  }

  /** Breaks every client's connection without a goodbye. */
  cut(): void {
    for (const { socket } of this.#clients) socket.terminate();
  }

  /** What nodes have from their next start on: another script. */
  change(script: Partial<Pick<StandInOptions, 'tables' | 'tablecast'>>): void {
    this.#options = { ...this.#options, ...script };
  }

  /** Starts a node, or starts it again with empty tables and a new id. */
  startNode(name: string): ZeekNode {
    this.nodes.get(name)?.stop();
    const first = this.#starts === 0 ? this.#options.firstNodeId : undefined;
    this.#starts += 1;
    const node = new ZeekNode({
      name,
      id: first ?? `zeek_${name}_${process.pid}_${this.#starts}`,
      tables: this.#options.tables,
      surroundings: { publish: (from, event) => this.publish(event, from) },
    });
    this.nodes.set(name, node);
    this.#load(name, node);
    return node;
  }

  #load(name: string, node: ZeekNode): void {
    const { tablecast } = this.#options;
    if (tablecast === undefined) return;
    this.scripts.get(name)?.stop();
    this.scripts.set(name, new TablecastScript(node, tablecast, (event) => this.publish(event, node)));
  }

  script(name = 'zeek'): TablecastScript {
    const script = this.scripts.get(name);
    if (script === undefined) throw new Error(`${name} has not loaded the package`);
    return script;
  }

  node(name = 'zeek'): ZeekNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** Publishes an event of a node: every other node and every client that subscribed gets it. */
  publish(event: ZeekEvent, from?: ZeekNode): void {
    if (event.name === 'Tablecast::pulse') this.pulses += 1;
    for (const node of this.nodes.values()) if (node !== from) this.#deliverToNode(node, event);
    this.#deliverToClients(event, undefined);
  }

  /** Sends bytes that are no frame of Zeek's, to all clients. */
  sendRaw(bytes: Uint8Array | string): void {
    for (const { socket } of this.#clients) socket.send(bytes, { binary: false });
  }

  #admit(request: IncomingMessage): boolean {
    const name = request.headers['x-application-name'];
    if (name === undefined) return true;
    const valid = typeof name === 'string' && /^[-/_.=:*@a-zA-Z0-9]+$/.test(name);
    if (valid) this.applicationNames.push(name);
    return valid;
  }

  #connected(socket: WebSocket, request: IncomingMessage): void {
    const endpoint = `${[...this.nodes.values()][0]?.id ?? ''}-websocket-${this.nextClient}`;
    this.nextClient += 1;
    socket.on('error', () => socket.terminate());
    if (request.url !== path) {
      const context = `Invalid URI - use ${path}`;
      socket.send(writeError('invalid_uri', context));
      socket.close(1008, context);
      return;
    }
    socket.once('message', (data) => this.#handshake(socket, { endpoint, text: textOf(data) }));
  }

  #handshake(socket: WebSocket, first: { endpoint: string; text: string }): void {
    if (this.faults.silent) return;
    const topics = readSubscriptions(first.text);
    if (topics === undefined) {
      socket.send(writeError('deserialization_failed', 'subscriptions not an array'));
      socket.close();
      return;
    }
    const client: Client = { socket, endpoint: first.endpoint, topics };
    this.#clients.add(client);
    socket.on('close', () => this.#clients.delete(client));
    socket.on('message', (data) => this.#frame(client, textOf(data)));
    socket.send(writeAck(first.endpoint, '8.2.2'));
  }

  #frame(client: Client, text: string): void {
    const known = new Map([
      ...(this.#options.events ?? []),
      ...(this.#options.tablecast === undefined ? [] : tablecastEvents),
    ]);
    const event = readClientFrame(text, known);
    if (typeof event === 'string') {
      client.socket.send(writeError('deserialization_failed', event));
      return;
    }
    const held = { ...event, args: event.args.map(heldByZeek) };
    this.received.push(held);
    this.#deliverToClients(held, client);
    for (const node of this.nodes.values()) this.#deliverToNode(node, event);
  }

  #deliverToNode(node: ZeekNode, event: ZeekEvent): void {
    const loaded = this.scripts.get(node.name);
    const own = [`zeek/cluster/nodeid/${node.id}/`, ...(loaded?.topics ?? [])];
    const prefixes = ['zeek/table/', ...own, ...(this.#options.topics ?? [])];
    if (!prefixes.some((prefix) => event.topic.startsWith(prefix))) return;
    if (this.faults.dropAt(node, event)) {
      this.dropped += 1;
      return;
    }
    loaded?.hear(event);
    node.apply(event);
    loaded?.handle(event);
    this.#options.scripts?.get(event.name)?.(event, this, node);
  }

  #deliverToClients(event: ZeekEvent, from: Client | undefined): void {
    const text = writeEvent({ ...event, args: event.args.map(heldByZeek) }, 'zeek');
    for (const client of this.#clients) {
      if (client === from || !client.topics.some((prefix) => event.topic.startsWith(prefix))) continue;
      this.#sent += 1;
      const isUnlucky = this.faults.dropEvery > 0 && this.#sent % this.faults.dropEvery === 0;
      if (isUnlucky || this.faults.drop(event)) {
        this.dropped += 1;
        continue;
      }
      client.socket.send(text);
    }
  }
}
