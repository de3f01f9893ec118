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
import { FoundMemory } from './found-memory.ts';
import { FoundTables } from './found-tables.ts';
import { GuessedStarts } from './guessed-starts.ts';
import {
  notAttached,
  takesNothing,
  zeekConnected,
  zeekLost,
  zeekRefilled,
  zeekShared,
} from './attachment-events.ts';
import { checkAt, checkEvent, type ZeekCheck } from './check.ts';
import type { ZeekAttachment } from './zeek-attachment.ts';
import { clientSettings } from '../protocol/client-options.ts';
import { clientOptions, limitsOf } from './client-of.ts';
import type { ZeekHost } from '../host.ts';
import { Inbound } from './inbound.ts';
import { ClusterMemory } from './memory.ts';
import type { ZeekAttachmentOptions } from '../options.ts';
import { Selection } from '../selection.ts';
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

/** Keeps the tables of a node and those of a Zeek cluster alike. */
export class LiveAttachment implements ZeekAttachment {
  readonly cluster: string | undefined;
  readonly tables: Map<string, Table>;
  /** Says where Zeek is dialled, without what may be secret in it. */
  readonly address: string;
  readonly #scope: string;
  readonly #host: ZeekHost;
  readonly #options: ZeekAttachmentOptions;
  readonly #attached: Map<string, AttachedTable>;
  readonly #selection: Selection;
  readonly #state: Present<ZeekLinkState>;
  readonly #nodes: ZeekNodes;
  readonly #teller: Teller;
  readonly #memory: ClusterMemory;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #transfers: Transfers;
  readonly #standing: Standing;
  readonly #found: FoundTables;
  readonly #starts: GuessedStarts;
  readonly #client: ZeekClient;
  #server: string | undefined;
  #lostAt: number | undefined;
  #lostReported = false;
  #hint: string | undefined;
  #rememberTimer: Timer | undefined;
  #sharedReported = false;
  #listening = true;
  #closing: Promise<void> | undefined;

  /** Throws `OPTION_INVALID`, and `DECLARATION_…` for tables that cannot be shared. */
  constructor(host: ZeekHost, options: ZeekAttachmentOptions) {
    // Whom it cannot dial is refused before a table is declared for it.
    clientSettings(clientOptions(host, options, { topics: [], finds: false }));
    this.#host = host;
    this.#options = options;
    this.cluster = options.cluster;
    const { protocol, host: place } = new URL(options.url);
    this.address = `${protocol}//${place}`;
    this.#scope = options.cluster === undefined ? 'zeek' : `zeek-${options.cluster}`;
    this.#memory = new ClusterMemory(host, this.#scope);
    this.#selection = new Selection(options.tables);
    this.#attached = attachTables(host, this.#selection.described);
    const memory = new FoundMemory(host, this.#scope);
    for (const found of memory.attachAll(this.#selection)) this.#attached.set(found.name, found);
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
    this.#found = this.#makeFound(memory);
    const pauseMs = options.timings?.refillPauseMs ?? REFILL_PAUSE_MS;
    this.#starts = new GuessedStarts(host.environment, { firstMs: REPORT_MS, pauseMs }, () => {
      for (const attached of this.#attached.values()) this.#outbound.refillAll(attached, false);
    });
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
      unseen: () => this.#starts.unseen(),
      shared: (nodeId) => this.#reportShared(nodeId),
    });
  }

  #makeOutbound(): Outbound {
    const { maxFrameBytes, maxQueuedBytes } = limitsOf(this.#options.limits);
    const outbound = new Outbound({
      host: this.#host,
      teller: this.#teller,
      maxFrameBytes: Math.min(maxFrameBytes, maxQueuedBytes),
      isTheirs: (origin) => this.#isTheirs(origin),
      send: (frame) => this.#client.send(frame),
      sent: (...sent) => this.#standing.audit.sent(...sent),
      heardAt: () => this.#client.heardAt,
      refilled: (request, rows) => this.#refilled(request, rows),
    });
    for (const attached of this.#attached.values()) outbound.watch(attached);
    return outbound;
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
      pulsed: (id) => this.#found.pulsed(id),
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

  #makeFound(memory: FoundMemory): FoundTables {
    return new FoundTables({
      host: this.#host,
      selection: this.#selection,
      memory,
      teller: this.#teller,
      attached: this.#attached,
      askAgainMs: this.#options.timings?.answerMs ?? ANSWER_MS,
      attach: (attached) => {
        this.#attached.set(attached.name, attached);
        this.tables.set(attached.name, attached.table);
        this.#outbound.watch(attached);
        this.#standing.join(attached);
      },
      released: (attached) => this.#outbound.refillAll(attached, true),
    });
  }

  #connect(): ZeekClient {
    const topics = Array.from(this.#attached.values(), ({ zeek }) => zeek.topic);
    const { finds } = this.#selection;
    try {
      return connectZeek(clientOptions(this.#host, this.#options, { topics, finds }), {
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
      if (table !== undefined && attached.name !== table) continue;
      this.#standing.known(attached);
      this.#outbound.refillAll(attached, true);
    }
  }

  /** Counts what was missed of a table and is not made good; 1 where the number is not known. */
  missed(table: string): number {
    const attached = this.#attached.get(table);
    return attached === undefined ? 0 : this.#standing.missed(attached);
  }

  async check(table: string): Promise<ZeekCheck> {
    const attached = this.#attached.get(table);
    if (attached === undefined) throw notAttached(table);
    if (this.#outbound.blocked) throw takesNothing();
    const check = await checkAt(this.#server ?? '', attached, {
      transfers: this.#transfers,
      waiting: this.#outbound.waiting(attached),
    });
    const event = checkEvent(check);
    if (event !== undefined) this.#teller.report(event);
    return check;
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
    this.#found.begin();
    // Before anything is sent: what Zeek tells then is what it had while nobody told it anything.
    if (isSame) {
      const awayMs = this.#lostAt === undefined ? undefined : this.#host.environment.elapsed() - this.#lostAt;
      this.#standing.comeBack({ server, awayMs, isFirst });
    } else {
      this.#starts.refilled();
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

  #lost(reason: string): void {
    this.#transfers.disconnected();
    this.#standing.broke(this.#outbound.disconnected());
    this.#lostAt ??= this.#host.environment.elapsed();
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
    if (this.#transfers.take(event) || this.#found.take(event) || this.#standing.audit.take(event)) return;
    const started = readNodeStarted(event);
    if (started === undefined) this.#inbound.take(event);
    else this.#started(started);
  }

  #started({ name, id, replyTo, wanted, isListed }: NodeStarted): void {
    this.#starts.end();
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
      if (!isListed || this.#selection.finds) continue;
      const what = 'Zeek wants tables that are not attached';
      this.#teller.note({ code: 'zeek-refused', what, example: table });
    }
  }

  #refilled({ attached, topic, announced }: RefillRequest, rows: number): void {
    const { name: table } = attached;
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
    this.#starts.end();
    this.#standing.stop();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.stopListening();
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
