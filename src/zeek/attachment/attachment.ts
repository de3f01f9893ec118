import type { Observable } from 'rxjs';
import { Present } from '../../work/emitter.ts';
import type { Timer } from '../../environment.ts';
import type { TablecastError } from '../../errors.ts';
import { wasProxyOf } from '../../log/operations/proxy.ts';
import type { Table } from '../../table/table.ts';
import {
  connectZeek,
  type ZeekClient,
  type ZeekEndpoint,
  type ZeekEvent,
  type ZeekLinkState,
} from '../protocol/index.ts';
import { atMost } from './at-most.ts';
import { type AttachedTable, attachTables } from './attached-table.ts';
import {
  notAttached,
  takesNothing,
  zeekConnected,
  zeekLost,
  zeekRefilled,
  zeekShared,
} from './attachment-events.ts';
import { checkEvent, checkOf, type ZeekCheck } from './check.ts';
import { clientOptions, limitsOf } from './client-of.ts';
import type { ZeekHost } from '../host.ts';
import { Inbound } from './inbound.ts';
import { ClusterMemory } from './memory.ts';
import type { ZeekAttachmentOptions } from '../options.ts';
import { Outbound } from './outbound.ts';
import type { RefillRequest } from './refill.ts';
import { acknowledgedFrame, type NodeStarted, readNodeStarted, refilledFrame } from './script-events.ts';
import { Standing } from './standing.ts';
import { Teller } from './teller.ts';
import { Transfers } from './transfers.ts';
import { ZeekNodes } from './zeek-nodes.ts';

const REPORT_MS = 1000;
const REFILL_PAUSE_MS = 30_000;
const REMEMBER_MS = 1000;
const CLOSE_MS = 1000;
const ANSWER_MS = 10_000;
/** A loss that could not be made good is looked at again after this part of that time. */
const PAUSES_PER_ANSWER = 5;
const SETTLE_MS = 250;
const MAX_CONTENT_ROWS = 1_000_000;

/** An attachment is the connection between a node and a Zeek cluster. */
export interface ZeekAttachment {
  /** Names the cluster, if it was named. */
  readonly cluster: string | undefined;
  /** Holds the attached tables, by their full names. */
  readonly tables: ReadonlyMap<string, Table>;
  /** Says how the connection stands; replays its present value, completes when closed. */
  readonly state: Observable<ZeekLinkState>;
  /** Sends every row of every table to every Zeek node again, or of one table. */
  refill(table?: string): void;
  /**
   * Asks the Zeek process that runs the WebSocket server what a table holds, and compares: which keys
   * differ, exactly. Changes nothing. A difference is also reported as `zeek-diverged`, with up to 100 keys of
   * each kind. Needs the script package. Rejects with `OPTION_INVALID` for a table that is not attached,
   * `PEER_REFUSED` when Zeek does not tell, `LIMIT_EXCEEDED` for more rows than `limits.maxContentRows`,
   * `PEER_UNREACHABLE` without a connection or a whole answer, `CLOSED`.
   */
  check(table: string): Promise<ZeekCheck>;
  /** Sends what is durable, then leaves the cluster; the tables stay. Idempotent. */
  close(): Promise<void>;
}

/** Keeps the tables of a node and those of a Zeek cluster alike. */
export class LiveAttachment implements ZeekAttachment {
  readonly cluster: string | undefined;
  readonly tables: ReadonlyMap<string, Table>;
  /** Says where Zeek is dialled, without what may be secret in it. */
  readonly address: string;
  readonly #scope: string;
  readonly #host: ZeekHost;
  readonly #options: ZeekAttachmentOptions;
  readonly #attached: ReadonlyMap<string, AttachedTable>;
  readonly #state: Present<ZeekLinkState>;
  readonly #nodes: ZeekNodes;
  readonly #teller: Teller;
  readonly #memory: ClusterMemory;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #transfers: Transfers;
  readonly #standing: Standing;
  readonly #client: ZeekClient;
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
    const { protocol, host: place } = new URL(options.url);
    this.address = `${protocol}//${place}`;
    this.#scope = options.cluster === undefined ? 'zeek' : `zeek-${options.cluster}`;
    this.#memory = new ClusterMemory(host, this.#scope);
    this.#attached = attachTables(host, options.tables);
    this.tables = new Map([...this.#attached].map(([name, { table }]) => [name, table]));
    this.#state = new Present<ZeekLinkState>({ kind: 'connecting', attempt: 1 });
    this.#nodes = new ZeekNodes(this.#scope, host.id);
    this.#teller = new Teller(host, {
      cluster: options.cluster,
      intervalMs: options.timings?.reportMs ?? REPORT_MS,
      send: (frame) => this.#client.send(frame),
    });
    this.#inbound = this.#makeInbound();
    this.#outbound = this.#makeOutbound();
    this.#transfers = this.#makeTransfers();
    this.#standing = this.#makeStanding();
    this.#client = this.#connect();
  }

  #makeInbound(): Inbound {
    return new Inbound({
      host: this.#host,
      tables: this.#attached,
      nodes: this.#nodes,
      teller: this.#teller,
      limits: limitsOf(this.#options.limits),
      heard: (nodeId, topic) => this.#standing.audit.heard(nodeId, topic),
      applied: (attached, keyText) => {
        this.#standing.audit.changed(attached);
        this.#transfers.touched(attached, keyText);
        this.#outbound.settle(attached, keyText);
      },
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
      sent: (...sent) => this.#standing.audit.sent(...sent),
      heardAt: () => this.#client.heardAt,
      refilled: (request, rows) => this.#refilled(request, rows),
    });
  }

  #makeTransfers(): Transfers {
    const { timings, limits } = this.#options;
    return new Transfers({
      host: this.#host,
      teller: this.#teller,
      nodes: this.#nodes,
      limits: limitsOf(limits),
      maxRows: limits?.maxContentRows ?? MAX_CONTENT_ROWS,
      answerMs: timings?.answerMs ?? ANSWER_MS,
      settleMs: timings?.settleMs ?? SETTLE_MS,
    });
  }

  #makeStanding(): Standing {
    return new Standing({
      host: this.#host,
      tables: this.#attached,
      topics: this.#options.topics ?? [],
      pauseMs: (this.#options.timings?.answerMs ?? ANSWER_MS) / PAUSES_PER_ANSWER,
      memory: this.#memory,
      nodes: this.#nodes,
      outbound: this.#outbound,
      teller: this.#teller,
      transfers: this.#transfers,
      isTheirs: (origin) => this.#isTheirs(origin),
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
    return this.#state.observable;
  }

  /** Operations of this cluster's own nodes, whichever attachment of the group wrote them down. */
  #isTheirs(origin: string): boolean {
    const nodeId = origin.slice(0, origin.indexOf('@'));
    if (!nodeId.startsWith(`${this.#scope}.`)) return false;
    return this.cluster !== undefined || wasProxyOf(this.#host.id, nodeId);
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

  async check(table: string): Promise<ZeekCheck> {
    const attached = this.#attached.get(table);
    if (attached === undefined) throw notAttached(table);
    if (this.#outbound.blocked) throw takesNothing();
    const server = this.#server ?? '';
    const asked = this.#transfers.ask(server, attached);
    const { schema } = attached.projection;
    for (const key of this.#outbound.waiting(attached))
      this.#transfers.touched(attached, schema.keyText(key));
    const comparison = await asked;
    try {
      const check = checkOf(comparison, server);
      const event = checkEvent(check);
      if (event !== undefined) this.#teller.report(event);
      return check;
    } finally {
      comparison.close();
    }
  }

  // The connection -----------------------------------------------------------------------------------

  #became(state: ZeekLinkState): void {
    if (this.#closing !== undefined) return;
    this.#state.next(state);
    if (state.kind === 'connected') this.#connected(state);
    else if (state.kind === 'waiting') this.#lost(state.reason);
  }

  #connected(zeek: ZeekEndpoint): void {
    const server = zeek.endpoint.replace(/-websocket-\d+$/, '');
    const isFirst = this.#server === undefined;
    const isSame = server === (this.#server ?? this.#memory.told?.server);
    this.#server = server;
    this.#lostReported = false;
    this.#teller.connected();
    this.#nodes.meet(server);
    this.#teller.report(zeekConnected(this.#options.url, zeek));
    this.#transfers.begin();
    this.#standing.audit.begin(server);
    // Before anything is sent: what Zeek tells then is what it had while nobody told it anything.
    if (isSame) {
      const awayMs = this.#lostAt === undefined ? undefined : this.#host.environment.now() - this.#lostAt;
      this.#standing.comeBack({ server, awayMs, isFirst });
    } else {
      this.#lastRefill = this.#host.environment.now();
      this.#standing.meet(isFirst);
    }
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

  #lost(reason: string): void {
    this.#transfers.disconnected();
    this.#standing.broke(this.#outbound.disconnected());
    this.#lostAt ??= this.#host.environment.now();
    if (this.#lostReported) return;
    this.#lostReported = true;
    this.#teller.report(zeekLost(this.#options.url, reason, this.#hint));
  }

  #problem(error: TablecastError): void {
    this.#hint = error.hint;
    if (error.code === 'PEER_UNREACHABLE' || error.code === 'PEER_REFUSED') return;
    if (this.#teller.isMissingPackage(error.message)) {
      this.#transfers.unsupported();
      return;
    }
    const what = `Problems with Zeek at ${this.#options.url}`;
    this.#teller.note({ code: 'zeek-problem', what, example: error.message });
  }

  // What Zeek says -----------------------------------------------------------------------------------

  #received(event: ZeekEvent): void {
    if (!this.#listening) return;
    if (this.#transfers.take(event) || this.#standing.audit.take(event)) return;
    const started = readNodeStarted(event);
    if (started === undefined) this.#inbound.take(event);
    else this.#started(started);
  }

  #started({ name, id, replyTo, wanted }: NodeStarted): void {
    this.#announced = true;
    this.#teller.scriptsLoaded();
    this.#nodes.meet(id, name);
    this.#standing.audit.started(id);
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
    if (!announced) this.#standing.filled(attached);
    if (announced) this.#client.send(refilledFrame(topic, this.#host.id, { table, rows }));
    this.#teller.report(zeekRefilled(table, { rows, topic, announced }));
  }

  #reportShared(nodeId: string): void {
    if (this.cluster !== undefined || this.#sharedReported) return;
    this.#sharedReported = true;
    this.#teller.report(zeekShared(nodeId));
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
    this.#standing.stop();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.stopListening();
    this.#refillTimer?.cancel();
    this.#rememberTimer?.cancel();
    this.#outbound.run();
    await atMost(this.#outbound.settled, CLOSE_MS, this.#host.environment);
    this.#teller.flush();
    this.#teller.status('detached', { rows: this.#rows, detail: 'closed' });
    this.#remember();
    this.#outbound.close();
    await this.#client.close();
    this.#state.next({ kind: 'closed' });
    this.#state.complete();
  }
}
