import { join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import type { Backend, Recovery } from './backends/backend.ts';
import { memoryBackend } from './backends/memory.ts';
import { sqliteBackend } from './backends/sqlite/sqlite-backend.ts';
import type { Environment } from './environment.ts';
import { TablecastError } from './errors.ts';
import type { NodeEvent } from './events.ts';
import { type Log, LogView } from './log-view.ts';
import { HybridClock } from './log/hybrid-clock.ts';
import type { StoreName } from './log/journal.ts';
import { OperationLog } from './log/operation-log.ts';
import type { Operation } from './log/operation.ts';
import { Origins, newEpoch, originText } from './log/origin.ts';
import { SegmentStore, type StoreListener } from './log/segment-store.ts';
import { modeNamed } from './modes/registry.ts';
import { type NodeOptions, checkOptions } from './options.ts';
import { Checkpointer } from './projection/checkpointer.ts';
import { Deadlines } from './projection/deadlines.ts';
import { Dispatcher } from './projection/dispatcher.ts';
import { Projection } from './projection/projection.ts';
import { nodeFact, readFacts, rebuild, tableFact } from './recovery.ts';
import { LocalReplica } from './replica.ts';
import type { PeerState } from './replication/peer-state.ts';
import { Replicator } from './replication/replicator.ts';
import { type Schema, type TableDeclaration, compileSchema, sameDeclaration } from './schema/index.ts';
import { systemEnvironment } from './system-environment.ts';
import { MapTable, SetTable, type Table, type TableOf } from './table.ts';
import type { Transport } from './transport/transport.ts';
import { webSocketTransport } from './transport/websocket/websocket.ts';

const MAX_TABLES = 1024;
const MAX_PEERS = 64;

/** One process's part of a cluster of tables. */
export interface TableNode {
  readonly id: string;
  /** Where others can dial this node; undefined when it only dials. */
  readonly address: string | undefined;
  /**
   * Declares a table, or gives the one declared before under this name. Persisted rows are there
   * when it returns. Throws `DECLARATION_INVALID`, or `DECLARATION_DIFFERS` when the name is declared otherwise.
   */
  table<const D extends TableDeclaration>(name: string, declaration: D): TableOf<D>;
  /** The tables declared so far. */
  readonly tables: ReadonlyMap<string, Table>;
  /**
   * Runs a synchronous function whose writes, to any tables, are one unit: on disk, and on every
   * peer. If it throws, none of them happened. At most 65,536 operations or 1 MiB.
   */
  batch<T>(write: () => T): T;
  readonly log: Log;
  /** Connections, one entry per configured or connected peer; replays its present value. */
  readonly peers: Observable<readonly PeerState[]>;
  /** What an operator may want to know. Never fails. */
  readonly events: Observable<NodeEvent>;
  /** Resolves when everything written so far is durable; rejects with the reason when it cannot be. */
  flush(): Promise<void>;
  /** Flushes, tells peers, and ends; the process can then exit. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a node is made of that a test may replace. */
export interface NodeParts {
  readonly environment?: Environment | undefined;
  readonly transport?: Transport | undefined;
  readonly durableBackend?: Backend | undefined;
}

/**
 * Opens a node: recovers what is on disk, then listens and dials. Throws `OPTION_INVALID`, one of the
 * `BACKEND_…` errors when the database cannot be used, or `LISTEN_FAILED`.
 */
export async function openNode(options: NodeOptions): Promise<TableNode> {
  return openNodeOf(options, {});
}

/** As {@link openNode}, of given parts: for simulation and tests. */
export async function openNodeOf(options: NodeOptions, parts: NodeParts): Promise<TableNode> {
  const node = new LocalNode(checkOptions(options), parts);
  try {
    await node.open();
  } catch (error) {
    await node.close().catch(() => undefined);
    throw error;
  }
  return node;
}

class LocalNode implements TableNode, StoreListener {
  readonly id: string;
  readonly tables = new Map<string, Table>();
  readonly events: Observable<NodeEvent>;
  readonly log: Log;
  readonly #options: NodeOptions;
  readonly #environment: Environment;
  readonly #origins = new Origins();
  readonly #clock: HybridClock;
  readonly #dispatcher = new Dispatcher();
  readonly #operations = new Subject<Operation>();
  readonly #events = new Subject<NodeEvent>();
  readonly #stores = new Map<StoreName, SegmentStore>();
  readonly #log: OperationLog;
  /** Every table there are rows of, declared in this life or not. */
  readonly #projections = new Map<string, Projection>();
  readonly #declared = new Map<string, Projection>();
  readonly #deadlines: Deadlines[] = [];
  readonly #session: number;
  readonly #replicator: Replicator;
  readonly #lives: Record<StoreName, string>;
  #checkpointer: Checkpointer | undefined;
  #address: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: NodeOptions, parts: NodeParts) {
    this.#options = options;
    this.id = options.id;
    this.#environment = parts.environment ?? systemEnvironment;
    const { now, random } = this.#environment;
    this.#clock = new HybridClock(now);
    this.#session = Math.floor(random() * 0x100000000);
    const life = originText(options.id, newEpoch(now(), random(), 0));
    this.#lives = { memory: life, sqlite: life };
    this.#addStore('memory', memoryBackend({ maxBytes: options.limits?.maxMemoryLogBytes }));
    const durable = parts.durableBackend ?? this.#sqlite();
    if (durable !== undefined) this.#addStore('sqlite', durable);
    this.#log = new OperationLog(this.#environment, this.#stores);
    this.log = new LogView({
      log: this.#log,
      live: this.#operations,
      origins: this.#origins,
      projections: this.#projections,
    });
    this.events = this.#events.asObservable();
    const lives = this.#lives;
    this.#replicator = new Replicator({
      replica: new LocalReplica({
        nodeId: this.id,
        session: this.#session,
        log: this.#log,
        origins: this.#origins,
        dispatcher: this.#dispatcher,
        projections: this.#declared,
        get ownOrigins() {
          return [...new Set([lives.memory, lives.sqlite])];
        },
      }),
      transport: parts.transport ?? this.#webSocket(),
      environment: this.#environment,
      peers: options.peers ?? [],
      maxPeers: options.limits?.maxPeers ?? MAX_PEERS,
      report: (event) => this.#report(event),
    });
  }

  get address(): string | undefined {
    return this.#address;
  }

  get peers(): Observable<readonly PeerState[]> {
    return this.#replicator.peers;
  }

  // Opening ----------------------------------------------------------------------------------------

  #addStore(name: StoreName, backend: Backend): void {
    this.#stores.set(
      name,
      new SegmentStore(name, backend, { environment: this.#environment, listener: this }),
    );
  }

  #sqlite(): Backend | undefined {
    const { directory, id, durability, failureMode, limits } = this.#options;
    if (directory === undefined) return undefined;
    return sqliteBackend({
      file: join(directory, `${id}.tablecast.db`),
      durability: durability ?? 'commit',
      owner: id,
      failureMode,
      limits: { maxFileBytes: limits?.maxFileBytes },
    });
  }

  #webSocket(): Transport {
    const { listen, auth, limits } = this.#options;
    const { token, ...tls } = auth ?? {};
    return webSocketTransport({
      listen,
      auth: token === undefined ? undefined : { token },
      dial: { tls },
      limits: {
        maxFrameBytes: limits?.maxFrameBytes,
        maxQueuedBytes: limits?.maxQueuedBytes,
        maxConnections: limits?.maxPeers,
      },
      onWarning: (message) => this.#report({ code: 'transport-warning', severity: 'warning', message }),
    });
  }

  async open(): Promise<void> {
    await this.#stores.get('memory')?.open();
    const store = this.#stores.get('sqlite');
    if (store !== undefined) await this.#recover(store);
    this.#address = await this.#replicator.open(this.#options.listen !== undefined);
  }

  async #recover(store: SegmentStore): Promise<void> {
    const recovery = await store.open();
    this.#reportRecovery(recovery);
    const { node, schemas } = readFacts(recovery);
    this.#checkOwner(node?.id);
    for (const schema of schemas) this.#projections.set(schema.name, this.#project(schema));
    await rebuild(store, recovery, { projections: this.#projections, origins: this.#origins });
    const covered = recovery.checkpoints.map(({ position }) => position);
    this.#log.startAt(Math.max(recovery.lastPosition, ...covered));
    const mayHaveLost = !recovery.closedCleanly && recovery.lastDurability !== 'commit';
    const { now, random } = this.#environment;
    const keeps = node !== undefined && !mayHaveLost && recovery.tornSegments === 0;
    const epoch = keeps ? node.epoch : newEpoch(now(), random(), node?.epoch ?? 0);
    this.#lives.sqlite = originText(this.id, epoch);
    await store.backend.commit({ segments: [], facts: nodeFact({ id: this.id, epoch }) });
    this.#checkpointer = new Checkpointer(store.backend, this.#origins, {
      environment: this.#environment,
      log: this.#checkpointed(),
    });
    for (const projection of this.#projections.values()) {
      const checkpoint = recovery.checkpoints.find(({ table }) => table === projection.schema.name);
      this.#checkpointer.watch(projection, checkpoint?.position ?? 0);
    }
    this.#checkpointer.start();
    if (!keeps && node !== undefined) this.#reportEpoch(epoch);
  }

  #checkpointed(): { readonly position: number; flush(): Promise<void> } {
    const log = this.#log;
    return {
      get position() {
        log.seal();
        return log.position;
      },
      flush: () => log.flush(),
    };
  }

  #checkOwner(id: string | undefined): void {
    if (id === undefined || id === this.id) return;
    throw new TablecastError(
      'BACKEND_FOREIGN',
      `The database of ${this.id} in ${this.#options.directory} belongs to node ${id}.`,
      {
        hint: 'Copies of a directory must not be used under another id; start the new node with an empty directory, and its peers fill it.',
        details: { owner: id },
      },
    );
  }

  // Tables -----------------------------------------------------------------------------------------

  table<const D extends TableDeclaration>(name: string, declaration: D): TableOf<D> {
    const schema = compileSchema(name, declaration);
    const known = this.#declared.get(name);
    if (known !== undefined) {
      this.#requireSame(known.schema, schema);
      return this.tables.get(name) as unknown as TableOf<D>;
    }
    return this.#declare(schema) as unknown as TableOf<D>;
  }

  #declare(schema: Schema): Table {
    if (this.#closing !== undefined) throw closed();
    this.#checkTable(schema);
    const found = this.#projections.get(schema.name);
    if (found !== undefined) this.#requireSame(found.schema, schema);
    const projection = found ?? this.#project(schema);
    this.#log.seal();
    projection.writeAs(this.#lives[projection.store], this.#log.position + 1);
    this.#projections.set(schema.name, projection);
    this.#declared.set(schema.name, projection);
    if (schema.expiry !== undefined) {
      const duty = { isAuthor: (origin: number) => this.#origins.at(origin).nodeId === this.id };
      const deadlines = new Deadlines(projection, this.#environment, duty);
      projection.useDeadlines(deadlines);
      this.#deadlines.push(deadlines);
    }
    if (found === undefined && projection.store === 'sqlite') this.#remember(projection);
    const parts = { projection, synced: this.#replicator.synced(schema.name) };
    const table: Table = schema.isSet ? (new SetTable(parts) as unknown as Table) : new MapTable(parts);
    this.tables.set(schema.name, table);
    this.#replicator.declared(schema.name);
    return table;
  }

  #checkTable(schema: Schema): void {
    const limit = this.#options.limits?.maxTables ?? MAX_TABLES;
    if (this.#declared.size >= limit) {
      throw new TablecastError('LIMIT_EXCEEDED', `Table ${schema.name} would be one more than ${limit}.`, {
        hint: 'Raise limits.maxTables, or keep what belongs together in one table with a composite key.',
        details: { table: schema.name, limit },
      });
    }
    if (schema.backend === 'sqlite' && !this.#stores.has('sqlite')) {
      throw new TablecastError(
        'OPTION_INVALID',
        `Table ${schema.name} is to be kept in sqlite, but the node has no directory.`,
        {
          hint: "Pass openNode({ directory: './data', … }), or declare the table with backend: 'memory'.",
          details: { table: schema.name, option: 'directory' },
        },
      );
    }
  }

  #project(schema: Schema): Projection {
    return new Projection(schema, modeNamed(schema), {
      origins: this.#origins,
      clock: this.#clock,
      dispatcher: this.#dispatcher,
      journal: this.#log.journal,
      operations: this.#operations,
      session: this.#session,
    });
  }

  #remember(projection: Projection): void {
    const store = this.#stores.get('sqlite') as SegmentStore;
    this.#checkpointer?.watch(projection, 0);
    store.backend
      .commit({ segments: [], facts: tableFact(projection.schema) })
      .catch((error: unknown) => this.failed(store, asFailure(error), false));
  }

  #requireSame(known: Schema, declared: Schema): void {
    if (sameDeclaration(known, declared) && known.backend === declared.backend) return;
    const [before, now] = [known, declared].map((schema) => JSON.stringify(schema.declaration));
    throw new TablecastError(
      'DECLARATION_DIFFERS',
      `Table ${declared.name} is declared as ${now}, before as ${before}.`,
      {
        hint: 'Use one declaration everywhere; to change types, declare a table of another name and copy the rows (tablecast export, import).',
        details: { table: declared.name, before, now },
      },
    );
  }

  batch<T>(write: () => T): T {
    const taking = [...this.#declared.values()];
    this.#dispatcher.hold();
    const mark = this.#dispatcher.mark;
    for (const projection of taking) projection.beginUndo();
    try {
      const result = this.#log.batch(() => refusePromise(write()));
      for (const projection of taking) projection.endUndo();
      return result;
    } catch (error) {
      for (const projection of taking) projection.undo();
      this.#dispatcher.forgetFrom(mark);
      throw error;
    } finally {
      this.#dispatcher.release();
    }
  }

  async flush(): Promise<void> {
    if (this.#closing !== undefined) throw closed();
    await this.#log.flush();
  }

  // What stores tell -------------------------------------------------------------------------------

  advanced(store: SegmentStore): void {
    this.#replicator.advanced(store.name);
  }

  failed(store: SegmentStore, error: TablecastError, retrying: boolean): void {
    const then = retrying
      ? 'Writes are refused until it works again.'
      : 'Writes are refused until the node is restarted.';
    this.#report({
      code: 'backend-failed',
      severity: 'error',
      message: `${error.message} ${then}`,
      details: { store: store.name, code: error.code, hint: error.hint },
    });
  }

  recovered(store: SegmentStore): void {
    this.#report({
      code: 'backend-recovered',
      severity: 'info',
      message: 'Writes are accepted again.',
      details: { store: store.name },
    });
  }

  #report(event: NodeEvent): void {
    this.#dispatcher.emit(this.#events, event);
  }

  #reportRecovery(recovery: Recovery): void {
    const { tornSegments, setAside } = recovery;
    if (tornSegments > 0) {
      const message = `${tornSegments} torn segments at the end of the log were cut off; peers still have what was sent.`;
      this.#environment.defer(() =>
        this.#report({ code: 'log-torn', severity: 'warning', message, details: { tornSegments } }),
      );
    }
    if (setAside !== undefined) {
      const message = `The database was damaged and was moved to ${setAside}.`;
      this.#environment.defer(() =>
        this.#report({ code: 'backend-set-aside', severity: 'warning', message, details: { setAside } }),
      );
    }
  }

  #reportEpoch(epoch: number): void {
    const message =
      'The last stop may have lost writes that peers have: this node goes on under a new epoch.';
    this.#environment.defer(() =>
      this.#report({ code: 'epoch-began', severity: 'warning', message, details: { epoch } }),
    );
  }

  // Closing ----------------------------------------------------------------------------------------

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const deadlines of this.#deadlines) deadlines.stop();
    this.#log.seal();
    this.#log.journal.refuse(closed());
    const flushed = await Promise.allSettled([this.#log.flush()]);
    await this.#replicator.close();
    await this.#checkpointer?.stop();
    await Promise.allSettled(Array.from(this.#stores.values(), (store) => store.close()));
    for (const projection of this.#projections.values()) {
      projection.changes.complete();
      projection.conflicts.complete();
    }
    this.#operations.complete();
    this.#events.complete();
    for (const result of flushed) if (result.status === 'rejected') throw result.reason;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function closed(): TablecastError {
  return new TablecastError('CLOSED', 'The node is closed.', { hint: 'Open it again with openNode().' });
}

function asFailure(error: unknown): TablecastError {
  if (error instanceof TablecastError) return error;
  return new TablecastError('BACKEND_FAILED', 'The database failed.', {
    hint: 'Restart the node.',
    cause: error,
  });
}

function refusePromise<T>(result: T): T {
  if (!(result instanceof Promise)) return result;
  result.catch(() => undefined);
  throw new TablecastError('OPTION_INVALID', 'batch() was given an asynchronous function.', {
    hint: 'Await what is needed before the batch, and write inside it without await. Nothing was written.',
  });
}
