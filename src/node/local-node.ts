import type { Stream } from '../work/stream.ts';
import type { CredentialChange } from '../access/rights.ts';
import type { Environment } from '../environment.ts';
import { TablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import { LogView } from '../reading/log-view.ts';
import { Emitter } from '../work/emitter.ts';
import { doAll } from '../work/in-order.ts';
import type { BackendName } from '../schema/schema.ts';
import { OperationLog } from '../log/keeping/operation-log.ts';
import { SLICE_UNITS, type Slicing } from '../work/slices.ts';
import type { Operation } from '../log/operations/operation.ts';
import { Origins, newEpoch, originText } from '../log/operations/origin.ts';
import { SegmentStore, type StoreListener } from '../log/keeping/segment-store.ts';
import { certificateReload } from './certificate-reload.ts';
import { credentialReload } from './credential-reload.ts';
import { Batches } from './batches.ts';
import { closed } from './refusals.ts';
import { Flushing } from './flushing.ts';
import { type Asked, askedTable } from './asked-table.ts';
import { ShownTables } from './shown-tables.ts';
import { DurableLog, namesOf } from './durable-log.ts';
import { type Carriage, type NodeParts, backendsOf, carriageOf, peerRulesOf } from './node-parts.ts';
import { WallClock } from '../log/operations/wall-clock.ts';
import { type Around, OBSERVED, type Outside, type Shared } from './outside.ts';
import { type NodeOptions, checkOptions } from './options.ts';
import type { ObservedNode } from '../observability/observed-node.ts';
import { Dispatcher } from '../projection/telling/dispatcher.ts';
import { NodeEvents } from './node-events.ts';
import { LocalReplica } from './hosts/local-replica.ts';
import { RowRequests } from './hosts/row-requests.ts';
import type { PeerState } from '../replication/peers/peer-state.ts';
import { Replicator } from '../replication/replicator.ts';
import { TableCatalog } from './table-catalog.ts';
import { clockJumped } from './clock-events.ts';
import { epochEvent, storeFailed, storeRecovered } from './store-events.ts';
import { type SubscriberOptions, SubscriberCount } from '../reading/subscribers.ts';
import { type SwitchParts, beginDocument } from '../table/switch-mode.ts';
import { systemEnvironment } from '../system-environment.ts';
import type { TableNode } from './table-node.ts';
import type { Stranger } from '../transport/transport.ts';
import type { Table } from '../table/table.ts';
import type { ZeekAttachment } from '../zeek/attachment/zeek-attachment.ts';
import { type ZeekAttachmentOptions, checkZeekOptions } from '../zeek/options.ts';

const MAX_TABLES = 1024;

/** Opens a node of given parts, on the platform whose outside is given. Throws as `openNode` does. */
export async function openLocalNode(
  options: NodeOptions,
  parts: NodeParts,
  outside: Outside,
): Promise<TableNode> {
  const checked = checkOptions(options);
  outside.check(checked);
  const node = new LocalNode(checked, parts, outside);
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
  readonly #shown = new ShownTables(() => ({
    nodeId: this.id,
    origins: this.#origins,
    replicator: this.#replicator,
    subscribers: this.#subscribers,
    flushing: this.#flushing,
    view: this.log,
    switching: () => this.#switchParts(),
  }));
  readonly tables: ReadonlyMap<string, Table> = this.#shown.tables;
  readonly events: Stream<NodeEvent>;
  readonly peers: Stream<readonly PeerState[]>;
  readonly reloadCertificates: TableNode['reloadCertificates'];
  readonly reloadCredentials: TableNode['reloadCredentials'];
  readonly flush: TableNode['flush'] = (options) => this.#flushing.all(options);
  readonly project: TableNode['project'] = (tables, options) => this.#around.sql.begin(tables, options);
  readonly #flushing: Flushing;
  readonly query: TableNode['query'] = (...query) => this.#around.sql.query(...query);
  readonly log: LogView;
  readonly #options: NodeOptions;
  readonly #subscribers: SubscriberOptions;
  readonly #checkpointAfter: number | undefined;
  readonly #environment: Environment;
  readonly #origins = new Origins();
  readonly #wall: WallClock;
  readonly #dispatcher = new Dispatcher();
  readonly #operations = new Emitter<Operation>();
  readonly #events: NodeEvents;
  readonly #stores = new Map<BackendName, SegmentStore>();
  readonly #log: OperationLog;
  readonly #catalog: TableCatalog;
  readonly #session: number;
  readonly #replicator: Replicator;
  /** The origin this node writes the tables of each store as. */
  readonly #lives = new Map<BackendName, string>();
  readonly #durable = new Map<BackendName, DurableLog>();
  /** Names this life of the process: the epoch in which memory tables begin. */
  readonly #start: string;
  readonly #outside: Outside;
  readonly #around: Around;
  readonly [OBSERVED]: ObservedNode | undefined;
  readonly #batches: Batches;
  readonly #facts = new Map<string, Uint8Array>();
  readonly #carriage: Carriage;
  #closing: Promise<void> | undefined;

  constructor(options: NodeOptions, parts: NodeParts, outside: Outside) {
    this.#options = options;
    this.#outside = outside;
    this.#environment = parts.environment ?? systemEnvironment;
    this.#events = new NodeEvents(this.#environment, this.#dispatcher);
    const later = (event: NodeEvent): void => this.#events.reportLater(event);
    this.#subscribers = { maxSubscribers: options.limits?.maxSubscribers, report: later };
    this.#checkpointAfter = parts.checkpointAfter;
    this.id = options.id;
    const environment = this.#environment;
    this.#wall = new WallClock(environment, (aheadMs) => this.#events.reportLater(clockJumped(aheadMs)));
    this.#session = Math.floor(environment.random() * 0x100000000);
    const life = originText(options.id, newEpoch(environment.now(), environment.random(), 0));
    this.#start = life.slice(options.id.length + 1);
    for (const [name, backend] of backendsOf(options, parts.durableBackend ?? outside.durable(options))) {
      this.#stores.set(name, new SegmentStore(name, backend, { environment, listener: this }));
      this.#lives.set(name, life);
    }
    this.#log = new OperationLog(this.#environment, this.#stores, this.#dispatcher);
    this.#catalog = this.#makeCatalog();
    this.#batches = new Batches(this.#log, this.#dispatcher, this.#catalog.declared);
    this.log = new LogView({
      environment,
      log: this.#log,
      live: this.#operations.observable,
      origins: this.#origins,
      projections: this.#catalog.known,
      names: () => namesOf(this.#durable.values()),
      entered: new SubscriberCount('log', this.#subscribers).enter,
    });
    this.events = new SubscriberCount('events', this.#subscribers).of(this.#events.observable);
    const slicing = parts.slicing ?? { units: SLICE_UNITS, defer: (task) => environment.defer(task) };
    const report = (event: NodeEvent): void => this.#events.report(event);
    const refused = (stranger: Stranger): void => this.#replicator.strangers.refused(stranger);
    const owner = { nodeId: this.id, environment, stores: this.#stores, facts: this.#facts };
    const given = { transport: parts.transport, carried: parts.carried ?? outside.carried };
    const carriage = carriageOf(options, { ...outside, ...given }, { ...owner, report, later, refused });
    this.#carriage = carriage;
    this.reloadCertificates = certificateReload(carriage, () => this.#around.http);
    this.#replicator = new Replicator({
      replica: this.#makeReplica(slicing),
      requests: this.#makeRequests(),
      transport: carriage.transport,
      environment: this.#environment,
      ...peerRulesOf(options),
      slicing,
      report,
    });
    this.peers = new SubscriberCount('peers', this.#subscribers).of(this.#replicator.peers);
    const replicator = this.#replicator;
    const { flushes } = replicator;
    const isClosed = (): boolean => this.#closing !== undefined;
    this.#flushing = new Flushing({ options, log: this.#log, flushes, carriage, node: this, isClosed });
    const reloadHttp = (change: CredentialChange): (() => void) => this.#around.http.reloading(change);
    const { auth } = options;
    this.reloadCredentials = credentialReload({ auth, carriage, replicator, reloadHttp, report });
    this.#around = outside.around(options, this.#shared(), later);
    this[OBSERVED] = this.#around.observed;
  }

  #makeRequests(): RowRequests {
    const [log, view, origins, tables] = [this.#log, this.log, this.#origins, this.#shown.exact];
    const peers = (): readonly PeerState[] => this.#replicator.present();
    const parts = { log, view, origins, tables, projections: this.#catalog.declared, peers };
    return new RowRequests({ ...parts, zeek: () => this.#around.zeek.present() });
  }

  #makeReplica(slicing: Slicing): LocalReplica {
    const lives = this.#lives;
    return new LocalReplica({
      nodeId: this.id,
      session: this.#session,
      log: this.#log,
      origins: this.#origins,
      dispatcher: this.#dispatcher,
      projections: this.#catalog.declared,
      wall: this.#wall,
      slicing,
      beginLife: (store) => this.#beginLife(store),
      get ownOrigins() {
        return [...new Set(lives.values())];
      },
    });
  }

  #shared(): Omit<Shared, 'file'> {
    return {
      id: this.id,
      environment: this.#environment,
      events: this.events,
      log: this.#log,
      view: this.log,
      origins: this.#origins,
      dispatcher: this.#dispatcher,
      tables: this.#shown.exact,
      projections: this.#catalog.declared,
      replicator: this.#replicator,
      peers: this.#replicator.peers,
      address: () => this.address,
      batch: (write) => this.batch(write),
      life: (store: BackendName) => this.#life(store),
      start: this.#start,
      starts: (store: BackendName) => this.#durable.get(store)?.starts,
      facts: this.#facts,
      declare: (name, declaration) => this.#shown.exactly(this.table(name, declaration)),
      report: (event: NodeEvent) => this.#events.report(event),
    };
  }

  #makeCatalog(): TableCatalog {
    return new TableCatalog({
      nodeId: this.id,
      environment: this.#environment,
      origins: this.#origins,
      projecting: {
        origins: this.#origins,
        wall: this.#wall,
        dispatcher: this.#dispatcher,
        journal: this.#log.journal,
        modeOf: this.#outside.modeOf,
        operations: this.#operations,
        session: this.#session,
        isOwn: (origin) => this.#origins.at(origin).nodeId === this.id,
      },
      maxTables: this.#options.limits?.maxTables ?? MAX_TABLES,
      stores: this.#stores,
      beginDocument: (projection) => beginDocument(projection, this.#switchParts()),
      lifeIn: (store) => {
        this.#log.seal();
        return { origin: this.#life(store), position: this.#log.position + 1 };
      },
    });
  }

  get address(): string | undefined {
    return this.addresses[0];
  }

  get addresses(): readonly string[] {
    return this.#carriage.addresses;
  }

  get healthAddress(): string | undefined {
    return this.#around.watch.address;
  }

  get httpAddress(): string | undefined {
    return this.#around.http.address;
  }

  // Opening ----------------------------------------------------------------------------------------

  async open(): Promise<void> {
    const { health } = this.#options;
    if (health !== undefined) await this.#around.watch.listen(health);
    await this.#around.http.listen();
    for (const store of this.#stores.values())
      await (store.backend.durable ? this.#recover(store) : store.open());
    await this.#replicator.open(this.#carriage.listens);
    for (const cluster of [this.#options.zeek ?? []].flat()) this.attachZeek(cluster);
    this.#around.watch.opened();
    this.#events.opened();
  }

  async #recover(store: SegmentStore): Promise<void> {
    const durable = await DurableLog.open(store, {
      options: this.#options,
      environment: this.#environment,
      wall: this.#wall,
      origins: this.#origins,
      log: this.#log,
      life: this.#start,
      known: this.#catalog.known,
      checkpointAfter: this.#checkpointAfter,
      recoverTable: (schema) => this.#catalog.recover(schema),
      report: (event) => this.#events.reportLater(event),
    });
    this.#durable.set(store.name, durable);
    this.#lives.set(store.name, originText(this.id, durable.epoch));
    this.#around.watch.tornSegments += durable.recovery.tornSegments;
    for (const [name, bytes] of durable.recovery.facts) this.#facts.set(name, bytes);
  }

  #life(store: BackendName): string {
    return this.#lives.get(store) as string;
  }

  #beginLife(store: BackendName): void {
    const before = this.#origins.at(this.#origins.intern(this.#life(store)));
    const epoch = newEpoch(this.#environment.now(), this.#environment.random(), before.epoch);
    this.#lives.set(store, originText(this.id, epoch));
    this.#durable.get(store)?.beginLife(this.id, epoch);
    this.#dispatcher.holding(() => this.#catalog.beginLife(store));
    this.#events.reportLater(epochEvent(epoch));
  }

  // Tables -----------------------------------------------------------------------------------------

  readonly table = ((...asked: Asked): unknown => this.#table(...asked)) as TableNode['table'];

  #table(...asked: Asked): Table {
    if (this.#closing !== undefined) throw closed();
    const [name, declaration] = askedTable(asked);
    const { projection, isNew, forms } = this.#catalog.declare(name, declaration);
    const isKnown = this.tables.has(name);
    if (!isKnown) this.#batches.declared(projection);
    if (isNew) this.#durable.get(projection.store)?.remember(projection);
    const table = this.#shown.of(projection, forms);
    if (!isKnown) {
      this.#replicator.declared(name);
      this.#around.sql.declared();
    }
    return table;
  }

  #switchParts(): SwitchParts {
    return {
      log: this.#log,
      dispatcher: this.#dispatcher,
      replicator: this.#replicator,
      inBatch: this.#batches.isOpen,
    };
  }

  attachZeek(options: ZeekAttachmentOptions): ZeekAttachment {
    if (this.#closing !== undefined) throw closed();
    return this.#around.zeek.attach(checkZeekOptions(options));
  }

  batch<T>(write: () => T): T {
    return this.#batches.run(write);
  }

  // What stores tell -------------------------------------------------------------------------------

  advanced(store: SegmentStore): void {
    this.#replicator.advanced(store.name);
    this.#around.zeek.advanced();
    this.#around.sql.advanced();
    this.#around.http.advanced();
  }

  failed(store: SegmentStore, error: TablecastError, retrying: boolean): void {
    this.#events.report(storeFailed(store.name, error, retrying));
    this.#replicator.advanced(store.name);
  }

  recovered(store: SegmentStore): void {
    this.#events.report(storeRecovered(store.name));
    // Writes that a switch of mode passed over could not be written again meanwhile.
    for (const table of this.#catalog.declared.values())
      this.#environment.defer(() => this.#batches.carryOver(table));
  }

  // Closing ----------------------------------------------------------------------------------------

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#around.watch.closing();
    this.#around.zeek.stopListening();
    this.#catalog.stopExpiry();
    this.#log.seal();
    this.#log.journal.refuse(closed());
    // What one part cannot end must not keep the others from theirs: a store that stays open stays locked.
    await doAll([
      [() => this.#log.flush()],
      [() => this.#around.zeek.close()],
      [() => this.#around.sql.close()],
      [() => this.#replicator.close()],
      Array.from(this.#durable.values(), (durable) => () => durable.stop()),
      [() => this.#log.end(), () => this.#dispatcher.finish()],
      // At `interval` durability the last sync is made here.
      Array.from(this.#stores.values(), (store) => () => store.close()),
      [() => this.#catalog.close(), () => this.#operations.complete(), () => this.#events.complete()],
      [() => this.#around.http.close()],
      [() => this.#around.watch.close()],
    ]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
