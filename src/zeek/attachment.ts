import { BehaviorSubject, type Observable, type Subscription } from 'rxjs';
import type { Timer } from '../environment.ts';
import type { TablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import { isProxyOf } from '../log/proxy.ts';
import type { Table } from '../table.ts';
import {
  connectZeek,
  type ZeekClient,
  type ZeekEndpoint,
  type ZeekEvent,
  zeekLimits,
  type ZeekLinkState,
} from '../transport/zeek/index.ts';
import { type AttachedTable, attachTable } from './attached-table.ts';
import { clientOptions } from './client-of.ts';
import type { ZeekHost } from './host.ts';
import { Inbound } from './inbound.ts';
import { missedSince } from './missed.ts';
import { Notices } from './notices.ts';
import type { ZeekAttachmentOptions } from './options.ts';
import { Outbound } from './outbound.ts';
import type { RefillRequest } from './refill.ts';
import {
  acknowledgedFrame,
  type NodeStarted,
  readNodeStarted,
  refilledFrame,
  type StatusState,
  statusFrame,
} from './script-events.ts';
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

/** What is remembered of a cluster over restarts. */
interface Memory {
  /** The Zeek process that had all rows. */
  readonly server: string;
  /** Position up to which it had all changes. */
  readonly position: number;
}

/** Keeps the tables of a node and those of a Zeek cluster alike. */
export class LiveAttachment implements ZeekAttachment {
  readonly cluster: string | undefined;
  readonly tables: ReadonlyMap<string, Table>;
  readonly scope: string;
  readonly #host: ZeekHost;
  readonly #options: ZeekAttachmentOptions;
  readonly #attached: ReadonlyMap<string, AttachedTable>;
  readonly #state: BehaviorSubject<ZeekLinkState>;
  readonly #nodes: ZeekNodes;
  readonly #notices: Notices;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #client: ZeekClient;
  readonly #replays: Subscription[] = [];
  #memory: Memory | undefined;
  #server: string | undefined;
  #lostAt: number | undefined;
  #lostReported = false;
  #hint: string | undefined;
  /** Whether Zeek nodes know the script package's events. */
  #scripts: 'unknown' | 'loaded' | 'missing' = 'unknown';
  #announced = false;
  #lastRefill = -Infinity;
  #refillTimer: Timer | undefined;
  #rememberTimer: Timer | undefined;
  #sharedReported = false;
  #listening = true;
  #closing: Promise<void> | undefined;

  constructor(host: ZeekHost, options: ZeekAttachmentOptions) {
    this.#host = host;
    this.#options = options;
    this.cluster = options.cluster;
    this.scope = options.cluster === undefined ? 'zeek' : `zeek-${options.cluster}`;
    this.#memory = readMemory(host.recall(this.scope));
    this.#attached = new Map(
      Object.entries(options.tables).map(([name, table]) => [name, attachTable(host, name, table)]),
    );
    this.tables = new Map([...this.#attached].map(([name, { table }]) => [name, table]));
    this.#state = new BehaviorSubject<ZeekLinkState>({ kind: 'connecting', attempt: 1 });
    this.#nodes = new ZeekNodes(this.scope, host.id);
    this.#notices = new Notices(host.environment, {
      intervalMs: options.timings?.reportMs ?? REPORT_MS,
      tell: (event, count) => this.#tell(event, count),
    });
    this.#inbound = this.#makeInbound();
    this.#outbound = this.#makeOutbound();
    const topics = Array.from(this.#attached.values(), ({ zeek }) => zeek.topic);
    this.#client = connectZeek(clientOptions(host, options, topics), {
      event: (event) => this.#received(event),
      state: (state) => this.#became(state),
      drain: () => this.#outbound.drained(),
      problem: (error) => this.#problem(error),
    });
  }

  #makeInbound(): Inbound {
    return new Inbound({
      host: this.#host,
      tables: this.#attached,
      nodes: this.#nodes,
      notices: this.#notices,
      limits: zeekLimits(),
      unseen: () => this.#refillSoon(),
      shared: (nodeId) => this.#reportShared(nodeId),
    });
  }

  #makeOutbound(): Outbound {
    return new Outbound({
      host: this.#host,
      tables: this.#attached,
      notices: this.#notices,
      isTheirs: (origin) => this.#isTheirs(origin),
      send: (frame) => this.#client.send(frame),
      refilled: (request, rows) => this.#refilled(request, rows),
    });
  }

  get state(): Observable<ZeekLinkState> {
    return this.#state.asObservable();
  }

  /** Operations of this cluster's own nodes, whichever attachment of the group wrote them down. */
  #isTheirs(origin: string): boolean {
    const nodeId = origin.slice(0, origin.indexOf('@'));
    if (!nodeId.startsWith(`${this.scope}.`)) return false;
    return this.cluster !== undefined || isProxyOf(this.#host.id, nodeId);
  }

  /** More of a store became durable. */
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
    const { environment } = this.#host;
    const server = endpoint.replace(/-websocket-\d+$/, '');
    const before = this.#server ?? this.#memory?.server;
    const first = this.#server === undefined;
    this.#server = server;
    this.#lostReported = false;
    this.#scripts = 'unknown';
    this.#nodes.meet(server);
    const message = `Connected with Zeek ${version} at ${this.#options.url}.`;
    this.#report({ code: 'zeek-connected', severity: 'info', message, details: { endpoint, version } });
    if (server === before) this.#reportMissed();
    else this.#refillEverything();
    if (first) this.#publishMissed();
    this.#lostAt = undefined;
    this.#status('attached', { rows: this.#rows, detail: `${this.#attached.size} tables` });
    this.#outbound.connected();
    this.#rememberTimer ??= environment.schedule(REMEMBER_MS, () => this.#rememberAgain());
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
    const time = awayMs === undefined ? 'while this node was not running' : `during ${awayMs} ms`;
    const message = `Zeek went on without this node ${time}: rows that it changed meanwhile are not known here until it writes them again.`;
    this.#report({ code: 'zeek-missed', severity: 'warning', message, details: { awayMs } });
    this.#status('diverged', { rows: 0, detail: message });
  }

  /** What was written in this group since Zeek had everything, as far as the log tells. */
  #publishMissed(): void {
    const { position } = this.#memory ?? {};
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
    this.#report({ code: 'zeek-lost', severity: 'warning', message, details: { hint: this.#hint } });
  }

  #problem(error: TablecastError): void {
    this.#hint = error.hint;
    if (error.code === 'PEER_UNREACHABLE' || error.code === 'PEER_REFUSED') return;
    if (this.#scripts === 'unknown' && error.message.includes('failed to create Zeek event')) {
      this.#scripts = 'missing';
      return;
    }
    this.#notices.note({
      code: 'zeek-problem',
      what: `Zeek at ${this.#options.url}`,
      example: error.message,
    });
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
    this.#scripts = 'loaded';
    this.#nodes.meet(id, name);
    this.#client.send(acknowledgedFrame(replyTo, this.#host.id, id));
    const asked = new Set(wanted);
    for (const table of asked) {
      const attached = this.#attached.get(table);
      if (attached !== undefined) {
        this.#outbound.refill({ attached, topic: replyTo, removals: false, announced: true });
        continue;
      }
      const what = 'Zeek wants tables that are not attached';
      this.#notices.note({ code: 'zeek-refused', what, example: table });
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
      if (this.#closing === undefined && !this.#announced) this.#refillEverything();
    });
  }

  #refilled({ attached, topic, announced }: RefillRequest, rows: number): void {
    const { name } = attached;
    if (announced) this.#client.send(refilledFrame(topic, this.#host.id, { table: name, rows }));
    const whom = announced ? 'a Zeek node that started' : 'the Zeek cluster';
    const message = `Sent ${rows} rows of ${name} to ${whom}.`;
    this.#report({ code: 'zeek-refilled', severity: 'info', message, table: name, details: { rows, topic } });
  }

  #reportShared(nodeId: string): void {
    if (this.cluster !== undefined || this.#sharedReported) return;
    this.#sharedReported = true;
    const message = `${nodeId} is attached to the same Zeek cluster: give both attachments one \`cluster\` name, or the cluster's own changes come back to it.`;
    this.#report({ code: 'zeek-shared', severity: 'warning', message, details: { nodeId } });
  }

  // Telling ------------------------------------------------------------------------------------------

  #report(event: NodeEvent): void {
    const { cluster } = this;
    this.#host.report(cluster === undefined ? event : { ...event, details: { ...event.details, cluster } });
  }

  #tell(event: NodeEvent, count: number): void {
    this.#report(event);
    const states = new Map<string, StatusState>([
      ['zeek-diverged', 'diverged'],
      ['zeek-refused', 'refused'],
    ]);
    const state = states.get(event.code);
    if (state !== undefined) this.#status(state, { table: event.table, rows: count, detail: event.message });
  }

  #status(
    state: StatusState,
    about: { readonly table?: string | undefined; readonly rows: number; readonly detail: string },
  ): void {
    if (this.#scripts !== 'missing') this.#client.send(statusFrame(this.#host.id, state, about));
  }

  // Remembering and leaving --------------------------------------------------------------------------

  #rememberAgain(): void {
    this.#remember();
    this.#rememberTimer = this.#host.environment.schedule(REMEMBER_MS, () => this.#rememberAgain());
  }

  #remember(): void {
    const { published } = this.#outbound;
    const server = this.#outbound.idle && this.#lostAt === undefined ? this.#server : this.#memory?.server;
    if (server === undefined || published === undefined || server !== this.#server) return;
    if (this.#memory?.server === server && this.#memory.position === published) return;
    this.#memory = { server, position: published };
    this.#host.remember(this.scope, this.#memory);
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
    const { environment } = this.#host;
    this.stopListening();
    this.#refillTimer?.cancel();
    this.#rememberTimer?.cancel();
    for (const replay of this.#replays) replay.unsubscribe();
    this.#outbound.run();
    await within(CLOSE_MS, this.#outbound.settled, environment);
    this.#notices.flush();
    this.#status('detached', { rows: this.#rows, detail: 'closed' });
    this.#remember();
    this.#outbound.close();
    await this.#client.close();
    this.#state.next({ kind: 'closed' });
    this.#state.complete();
  }
}

function within(limitMs: number, done: Promise<void>, environment: ZeekHost['environment']): Promise<void> {
  return new Promise((resolve) => {
    const timer = environment.schedule(limitMs, resolve);
    void done.finally(() => {
      timer.cancel();
      resolve();
    });
  });
}

function readMemory(kept: unknown): Memory | undefined {
  if (typeof kept !== 'object' || kept === null) return undefined;
  const { server, position } = kept as Partial<Memory>;
  if (typeof server !== 'string' || !Number.isSafeInteger(position)) return undefined;
  return { server, position: position as number };
}
