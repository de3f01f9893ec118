import type { Observable } from 'rxjs';
import type { NodeEvent } from '../../events.ts';
import type { HostedTable, HttpHost } from '../../http/host.ts';
import type { BackendName } from '../../schema/schema.ts';
import type { LogView, Moment } from '../../reading/log-view.ts';
import type { Key, Value } from '../../schema/index.ts';
import type { OperatedNode } from '../../http/operated-node.ts';
import type { OperationLog } from '../../log/keeping/operation-log.ts';
import type { LogReader } from '../../log/reading/operation-reader.ts';
import type { OperationRange } from '../../log/reading/operation-stream.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { SegmentStore } from '../../log/keeping/segment-store.ts';
import type { ObservedNode } from '../../observability/observed-node.ts';
import type { Projection } from '../../projection/projection.ts';
import type { AskedQuery, QueryResult } from '../../sql/queries/queries.ts';
import type { Starts } from '../../projection/replay/starts.ts';
import type { Table } from '../../table/table.ts';

/** The parts are what a host is made of. */
export interface HttpHostParts {
  readonly id: string;
  readonly observed: ObservedNode;
  readonly events: Observable<NodeEvent>;
  readonly log: OperationLog;
  readonly view: LogView;
  readonly origins: Origins;
  readonly tables: ReadonlyMap<string, Table>;
  readonly projections: ReadonlyMap<string, Projection>;
  readonly operated: OperatedNode;
  /** Names this life of the process. */
  readonly start: string;
  address(): string | undefined;
  /** The starts of the node that a durable store remembers. */
  starts(store: BackendName): Starts | undefined;
  batch<T>(write: () => T): T;
  query(query: AskedQuery, mayRead: (table: string) => boolean): Promise<QueryResult>;
}

/** A node as its HTTP interface sees it. */
export class LocalHttpHost implements HttpHost {
  readonly #parts: HttpHostParts;
  readonly #watching = new Set<() => void>();
  readonly #unwatch: () => void;

  constructor(parts: HttpHostParts) {
    this.#parts = parts;
    this.#unwatch = parts.log.watch(() => this.advanced());
  }

  get id(): string {
    return this.#parts.id;
  }

  get address(): string | undefined {
    return this.#parts.address();
  }

  get observed(): ObservedNode {
    return this.#parts.observed;
  }

  get operated(): OperatedNode {
    return this.#parts.operated;
  }

  get events(): Observable<NodeEvent> {
    return this.#parts.events;
  }

  get life(): string {
    return this.#parts.start;
  }

  get ended(): boolean {
    return this.#parts.log.ended;
  }

  *tables(): Iterable<HostedTable> {
    for (const name of this.#parts.tables.keys()) yield this.table(name) as HostedTable;
  }

  table(name: string): HostedTable | undefined {
    const table = this.#parts.tables.get(name);
    const projection = this.#parts.projections.get(name);
    return table === undefined || projection === undefined ? undefined : { table, projection };
  }

  originText(origin: number): string {
    return this.#parts.origins.at(origin).text;
  }

  batch<T>(write: () => T): T {
    return this.#parts.batch(write);
  }

  query(...[query, mayRead]: Parameters<HttpHost['query']>): Promise<QueryResult> {
    return this.#parts.query(query, mayRead);
  }

  flush(tables: Iterable<string>): Promise<void> {
    const { projections, log } = this.#parts;
    const stores = Array.from(tables, (name) => projections.get(name)?.store).filter(
      (name) => name !== undefined,
    );
    return log.flush(new Set(stores));
  }

  seal(): void {
    this.#parts.log.seal();
  }

  reader(range: OperationRange): LogReader {
    return this.#parts.view.reader(range);
  }

  replay(...[{ projection }, moment, begun]: Parameters<HttpHost['replay']>): Promise<Projection> {
    return this.#parts.view.replay(projection, moment, begun);
  }

  stateAt(moment: Moment): Promise<ReadonlyMap<Key, Value>> {
    return this.#parts.view.stateAt(moment);
  }

  stores(): Iterable<SegmentStore> {
    return this.#parts.log.stores.values();
  }

  told(table?: string): number {
    if (table !== undefined) return Math.max(0, ...this.#storesOf(table).map((store) => store.told));
    const stores = this.#storesOf(undefined);
    const waiting = stores.filter((store) => store.told < store.appended);
    if (waiting.length > 0) return Math.min(...waiting.map((store) => store.told));
    return Math.max(0, ...stores.map((store) => store.appended));
  }

  standing(position: number, life: string, table?: string): number | undefined {
    if (life === this.life) return position <= this.#parts.log.position ? position : undefined;
    const durable = this.#storesOf(table).filter(({ backend }) => backend.durable);
    const standing = durable.map(({ name }) => this.#parts.starts(name)?.standing(position, life));
    // Where one store has lost something nobody knows which positions of the others mean the same.
    if (standing.length === 0 || standing.includes(undefined)) return undefined;
    const furthest = Math.max(...(standing as readonly number[]));
    // Of one table nothing was told that was not to survive: it is gone with a directory that was put back.
    return table !== undefined && furthest < position ? undefined : furthest;
  }

  trimmedTo(table?: string): number {
    return Math.max(...this.#storesOf(table).map((store) => store.trimmedTo));
  }

  #storesOf(table: string | undefined): readonly SegmentStore[] {
    const { log, projections } = this.#parts;
    if (table === undefined) return [...log.stores.values()];
    const store = log.stores.get(projections.get(table)?.store ?? 'memory');
    return store === undefined ? [] : [store];
  }

  watch(listener: () => void): () => void {
    this.#watching.add(listener);
    return () => this.#watching.delete(listener);
  }

  /** More of the log was written, or became durable. */
  advanced(): void {
    for (const listener of this.#watching) listener();
  }

  close(): void {
    this.#unwatch();
    this.advanced();
  }
}
