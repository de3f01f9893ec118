import { BehaviorSubject, type Observable, type Subscription } from 'rxjs';
import type { Timer } from '../environment.ts';
import type { TablecastError } from '../errors.ts';
import { isProxyOf } from '../log/proxy.ts';
import type { Table } from '../table.ts';
import {
  connectZeek,
  type ZeekClient,
  type ZeekEndpoint,
  type ZeekEvent,
  type ZeekLinkState,
} from '../transport/zeek/index.ts';
import { type AttachedTable, attachTable } from './attached-table.ts';
import { clientOptions, limitsOf } from './client-of.ts';
import type { ZeekHost } from './host.ts';
import { Inbound } from './inbound.ts';
import { ClusterMemory } from './memory.ts';
import { missedSince } from './missed.ts';
import type { ZeekAttachmentOptions } from './options.ts';
import { Outbound } from './outbound.ts';
import type { RefillRequest } from './refill.ts';
import { acknowledgedFrame, type NodeStarted, readNodeStarted, refilledFrame } from './script-events.ts';
import { Teller } from './teller.ts';
import { ZeekNodes } from './zeek-nodes.ts';

const REPORT_MS = 1000;
const REFILL_PAUSE_MS = 30_000;
const REMEMBER_MS = 1000;
const CLOSE_MS = 1000;

/** The connection between a node and a Zeek cluster. */
export interface ZeekAttachment {
  /** The name given to the cluster, if any. */
  readonly cluster: string | undefined;
  /** The attached tables, by their full names. */
  readonly tables: ReadonlyMap<string, Table>;
  /** How the connection stands; replays its present value, completes when closed. */
  readonly state: Observable<ZeekLinkState>;
  /** Sends every row of every table to every Zeek node again, or of one table. */
  refill(table?: string): void;
  /** Sends what is durable, then leaves the cluster; the tables stay. Idempotent. */
  close(): Promise<void>;
}

/** Keeps the tables of a node and those of a Zeek cluster alike. */
export class LiveAttachment implements ZeekAttachment {
  readonly cluster: string | undefined;
  readonly tables: ReadonlyMap<string, Table>;
  readonly #scope: string;
  readonly #host: ZeekHost;
  readonly #options: ZeekAttachmentOptions;
  readonly #attached: ReadonlyMap<string, AttachedTable>;
  readonly #state: BehaviorSubject<ZeekLinkState>;
  readonly #nodes: ZeekNodes;
  readonly #teller: Teller;
  readonly #memory: ClusterMemory;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #client: ZeekClient;
  readonly #replays: Subscription[] = [];
  #server: string | undefined;
  #lostAt: number | undefined;
  #lostReported = false;
  #hint: string | undefined;
  /** Zeek nodes announce their starts, so that no start has to be guessed. */
  #announced = false;
  #lastRefill = -Infinity;
  #refillTimer: Timer | undefined;
  #rememberTimer: Timer | undefined;
  #sharedReported = false;
  #listening = true;
  #closing: Promise<void> | undefined;

  /** Throws `OPTION_INVALID`, and `DECLARATION_…` for tables that cannot be shared. */
  constructor(host: ZeekHost, options: ZeekAttachmentOptions) {
    this.#host = host;
    this.#options = options;
    this.cluster = options.cluster;
    this.#scope = options.cluster === undefined ? 'zeek' : `zeek-${options.cluster}`;
    this.#memory = new ClusterMemory(host, this.#scope);
    this.#attached = new Map(
      Object.entries(options.tables).map(([name, table]) => [name, attachTable(host, name, table)]),
    );
    this.tables = new Map([...this.#attached].map(([name, { table }]) => [name, table]));
    this.#state = new BehaviorSubject<ZeekLinkState>({ kind: 'connecting', attempt: 1 });
    this.#nodes = new ZeekNodes(this.#scope, host.id);
    this.#teller = new Teller(host, {
      cluster: options.cluster,
      intervalMs: options.timings?.reportMs ?? REPORT_MS,
      send: (frame) => this.#client.send(frame),
    });
    this.#inbound = this.#makeInbound();
    this.#outbound = this.#makeOutbound();
    this.#client = this.#connect();
  }

  #makeInbound(): Inbound {
    return new Inbound({
      host: this.#host,
      tables: this.#attached,
      nodes: this.#nodes,
      teller: this.#teller,
      limits: limitsOf(this.#options.limits),
      applied: (attached, keyText) => this.#outbound.settle(attached, keyText),
      unseen: () => this.#refillSoon(),
      shared: (nodeId) => this.#reportShared(nodeId),
    });
  }

  #makeOutbound(): Outbound {
    const { maxFrameBytes, maxQueuedBytes } = limitsOf(this.#options.limits);
    return new Outbound({
      host: this.#host,
      tables: this.#attached,
      teller: this.#teller,
      maxFrameBytes: Math.min(maxFrameBytes, maxQueuedBytes),
      isTheirs: (origin) => this.#isTheirs(origin),
      send: (frame) => this.#client.send(frame),
      refilled: (request, rows) => this.#refilled(request, rows),
    });
  }

  #connect(): ZeekClient {
    const topics = Array.from(this.#attached.values(), ({ zeek }) => zeek.topic);
    try {
      return connectZeek(clientOptions(this.#host, this.#options, topics), {
        event: (event) => this.#received(event),
        state: (state) => this.#became(state),
        drain: () => this.#outbound.drained(),
        problem: (error) => this.#problem(error),
      });
    } catch (error) {
      this.#outbound.close();
      throw error;
    }
  }

  get state(): Observable<ZeekLinkState> {
    return this.#state.asObservable();
  }

  /** Operations of this cluster's own nodes, whichever attachment of the group wrote them down. */
  #isTheirs(origin: string): boolean {
    const nodeId = origin.slice(0, origin.indexOf('@'));
    if (!nodeId.startsWith(`${this.#scope}.`)) return false;
    return this.cluster !== undefined || isProxyOf(this.#host.id, nodeId);
  }

  /** More of the log became durable. */
  advanced(): void {
    this.#outbound.run();
  }

  refill(table?: string): void {
    for (const attached of this.#attached.values()) {
      if (table === undefined || attached.name === table) this.#outbound.refillAll(attached, true);
    }
  }

  // The connection -----------------------------------------------------------------------------------

  #became(state: ZeekLinkState): void {
    if (this.#closing !== undefined) return;
    this.#state.next(state);
    if (state.kind === 'connected') this.#connected(state);
    else if (state.kind === 'waiting') this.#lost(state.reason);
  }

  #connected({ endpoint, version }: ZeekEndpoint): void {
    const server = endpoint.replace(/-websocket-\d+$/, '');
    const isFirst = this.#server === undefined;
    const isSame = server === (this.#server ?? this.#memory.told?.server);
    this.#server = server;
    this.#lostReported = false;
    this.#teller.connected();
    this.#nodes.meet(server);
    const message = `Connected with Zeek ${version} at ${this.#options.url}.`;
    const details = { endpoint, version };
    this.#teller.report({ code: 'zeek-connected', severity: 'info', message, details });
    if (isSame) this.#reportMissed();
    else this.#refillEverything();
    if (isFirst) this.#publishMissed();
    this.#lostAt = undefined;
    this.#teller.status('attached', { rows: this.#rows, detail: `${this.#attached.size} tables` });
    this.#outbound.connected();
    this.#rememberTimer ??= this.#host.environment.schedule(REMEMBER_MS, () => this.#rememberAgain());
  }

  get #rows(): number {
    return Array.from(this.tables.values(), ({ size }) => size).reduce((sum, size) => sum + size, 0);
  }

  #refillEverything(): void {
    this.#lastRefill = this.#host.environment.now();
    for (const attached of this.#attached.values()) this.#outbound.refillAll(attached, false);
  }

  #reportMissed(): void {
    const awayMs = this.#lostAt === undefined ? undefined : this.#host.environment.now() - this.#lostAt;
    const time = awayMs === undefined ? 'while it was not running' : `for ${awayMs} ms`;
    const message = `Zeek went on without this node ${time}: rows that it changed meanwhile are not known here until it writes them again.`;
    this.#teller.report({ code: 'zeek-missed', severity: 'warning', message, details: { awayMs } });
    this.#teller.status('diverged', { rows: 0, detail: message });
  }

  /** Publishes what was written in this group since Zeek had everything, as far as the log tells. */
  #publishMissed(): void {
    const position = this.#memory.told?.position;
    if (position === undefined) return;
    for (const attached of this.#attached.values()) {
      if (attached.projection.store !== 'sqlite') continue;
      const missed = missedSince(this.#host, attached, {
        position,
        isTheirs: (origin) => this.#isTheirs(origin),
        found: (keys) => {
          if (keys === 'all') this.#outbound.refillAll(attached, true);
          else for (const key of keys) this.#outbound.publishAsItStands(attached, key);
          this.#outbound.run();
        },
      });
      this.#replays.push(missed);
    }
  }

  #lost(reason: string): void {
    this.#outbound.disconnected();
    this.#lostAt ??= this.#host.environment.now();
    if (this.#lostReported) return;
    this.#lostReported = true;
    const message = `No connection with Zeek at ${this.#options.url}: ${reason}`;
    this.#teller.report({ code: 'zeek-lost', severity: 'warning', message, details: { hint: this.#hint } });
  }

  #problem(error: TablecastError): void {
    this.#hint = error.hint;
    if (error.code === 'PEER_UNREACHABLE' || error.code === 'PEER_REFUSED') return;
    if (this.#teller.isMissingPackage(error.message)) return;
    const what = `Problems with Zeek at ${this.#options.url}`;
    this.#teller.note({ code: 'zeek-problem', what, example: error.message });
  }

  // What Zeek says -----------------------------------------------------------------------------------

  #received(event: ZeekEvent): void {
    if (!this.#listening) return;
    const started = readNodeStarted(event);
    if (started === undefined) this.#inbound.take(event);
    else this.#started(started);
  }

  #started({ name, id, replyTo, wanted }: NodeStarted): void {
    this.#announced = true;
    this.#teller.scriptsLoaded();
    this.#nodes.meet(id, name);
    this.#client.send(acknowledgedFrame(replyTo, this.#host.id, id));
    for (const table of new Set(wanted)) {
      const attached = this.#attached.get(table);
      if (attached !== undefined) {
        this.#outbound.refill({ attached, topic: replyTo, removals: false, announced: true });
        continue;
      }
      const what = 'Zeek wants tables that are not attached';
      this.#teller.note({ code: 'zeek-refused', what, example: table });
    }
  }

  /** A Zeek node that nobody announced may have started with empty tables. */
  #refillSoon(): void {
    if (this.#announced || this.#refillTimer !== undefined) return;
    const { environment } = this.#host;
    const pause = this.#options.timings?.refillPauseMs ?? REFILL_PAUSE_MS;
    const delay = Math.max(Math.min(REPORT_MS, pause), this.#lastRefill + pause - environment.now());
    this.#refillTimer = environment.schedule(delay, () => {
      this.#refillTimer = undefined;
      if (this.#listening && !this.#announced) this.#refillEverything();
    });
  }

  #refilled({ attached, topic, announced }: RefillRequest, rows: number): void {
    const table = attached.name;
    if (announced) this.#client.send(refilledFrame(topic, this.#host.id, { table, rows }));
    const whom = announced ? 'a Zeek node that started' : 'the Zeek cluster';
    const message = `Sent ${rows} rows of ${table} to ${whom}.`;
    this.#teller.report({
      code: 'zeek-refilled',
      severity: 'info',
      message,
      table,
      details: { rows, topic },
    });
  }

  #reportShared(nodeId: string): void {
    if (this.cluster !== undefined || this.#sharedReported) return;
    this.#sharedReported = true;
    const message = `${nodeId} is attached to the same Zeek cluster: give both attachments one \`cluster\` name, or the cluster's own changes come back to it.`;
    this.#teller.report({ code: 'zeek-shared', severity: 'warning', message, details: { nodeId } });
  }

  // Remembering and leaving --------------------------------------------------------------------------

  #rememberAgain(): void {
    this.#remember();
    this.#rememberTimer = this.#host.environment.schedule(REMEMBER_MS, () => this.#rememberAgain());
  }

  #remember(): void {
    const position = this.#outbound.published;
    const server = this.#server;
    if (server === undefined || position === undefined) return;
    const isFilled = this.#outbound.idle && this.#lostAt === undefined;
    if (isFilled || server === this.#memory.told?.server) this.#memory.keep({ server, position });
  }

  /** From now on nothing that Zeek says is taken. */
  stopListening(): void {
    this.#listening = false;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.stopListening();
    this.#refillTimer?.cancel();
    this.#rememberTimer?.cancel();
    for (const replay of this.#replays) replay.unsubscribe();
    this.#outbound.run();
    await this.#settled();
    this.#teller.flush();
    this.#teller.status('detached', { rows: this.#rows, detail: 'closed' });
    this.#remember();
    this.#outbound.close();
    await this.#client.close();
    this.#state.next({ kind: 'closed' });
    this.#state.complete();
  }

  /** Waits until what can be sent was sent, but not for ever. */
  #settled(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#host.environment.schedule(CLOSE_MS, resolve);
      void this.#outbound.settled.finally(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
