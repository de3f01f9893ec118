import type { Observable } from 'rxjs';
import type { NodeEvent } from '../events.ts';
import type { LogReader } from '../log/reading/operation-reader.ts';
import type { OperationRange } from '../log/reading/operation-stream.ts';
import type { ObservedNode } from '../observability/observed-node.ts';
import type { Moment } from '../reading/log-view.ts';
import type { Key, Value } from '../schema/index.ts';
import type { SegmentStore } from '../log/keeping/segment-store.ts';
import type { OperatedNode } from './operated-node.ts';
import type { Projection } from '../projection/projection.ts';
import type { AskedQuery, QueryResult } from '../sql/queries/queries.ts';
import type { Table } from '../table/table.ts';

/** A table, with what the users of the library do not see of it. */
export interface HostedTable {
  readonly table: Table;
  readonly projection: Projection;
}

/** A node as its HTTP interface sees it. */
export interface HttpHost {
  readonly id: string;
  /** Is where other nodes dial this one. */
  readonly address: string | undefined;
  readonly observed: ObservedNode;
  readonly events: Observable<NodeEvent>;
  /** Names this life of the process: another one after each start. */
  readonly life: string;
  readonly operated: OperatedNode;
  /** The declared tables. */
  tables(): Iterable<HostedTable>;
  table(name: string): HostedTable | undefined;
  /** The text of an origin by its number. */
  originText(origin: number): string;
  batch<T>(write: () => T): T;
  /** Answers a query about the tables that may be read: see {@link TableNode.query}. */
  query(query: AskedQuery, mayRead: (table: string) => boolean): Promise<QueryResult>;
  /** Resolves when everything written so far into some tables is durable. */
  flush(tables: Iterable<string>): Promise<void>;
  /** Closes what is written so far, so that it can be read from the log. */
  seal(): void;
  /** Reads a range of the log, segment by segment. */
  reader(range: OperationRange): LogReader;
  /** Folds the log of a table up to a moment into a projection apart: see {@link LogView.replay}. */
  replay(
    table: HostedTable,
    moment: { readonly position?: number | undefined; readonly time?: number | undefined },
    begun?: (scratch: Projection) => void,
  ): Promise<Projection>;
  /** The rows of a table at a moment: see {@link Log.stateAt}. */
  stateAt(moment: Moment): Promise<ReadonlyMap<Key, Value>>;
  /** The stores of the log. */
  stores(): Iterable<SegmentStore>;
  /**
   * Every operation of a table up to here may be told: nothing before it is still to become durable. Of all tables
   * without a name.
   */
  told(table?: string): number;
  /**
   * Returns up to where a reader who was told everything up to a position, in some life of the node, still has what
   * stands here; undefined where something that it was told may be gone. Of a table, or of all.
   */
  standing(position: number, life: string, table?: string): number | undefined;
  /** The oldest position behind which the log of a table is whole; of all tables without a name. */
  trimmedTo(table?: string): number;
  /** Calls a function whenever more may be told, and at the end, until what it gives back is called. */
  watch(listener: () => void): () => void;
  /** Says whether the node is closed, so that nothing more comes. */
  readonly ended: boolean;
}
