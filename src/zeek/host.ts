import type { Observable } from 'rxjs';
import type { Environment } from '../environment.ts';
import type { NodeEvent } from '../events.ts';
import type { BackendName } from '../schema/schema.ts';
import type { OperationRange } from '../log/reading/operation-stream.ts';
import type { Operation } from '../log/operations/operation.ts';
import type { LocalAuthor } from '../projection/writing/local-author.ts';
import type { Projection } from '../projection/projection.ts';
import type { TableDeclaration } from '../schema/index.ts';
import type { Table } from '../table/table.ts';

/** A host is what an attachment needs of the node it belongs to. */
export interface ZeekHost {
  readonly id: string;
  readonly environment: Environment;
  /** Is where tables are kept unless something else is said. */
  readonly defaultBackend: BackendName;
  /** The last position of the log. */
  readonly position: number;
  /** Returns whether the node has a table of that name that no attachment declared. */
  hasOther(name: string): boolean;
  declare(name: string, declaration: TableDeclaration): { table: Table; projection: Projection };
  /** Returns the origin this node writes a store's tables as: `nodeId@epoch`. */
  life(store: BackendName): string;
  /** Returns the author that writes a table under a proxy's id in the present life. */
  author(projection: Projection, proxy: string): LocalAuthor;
  /** Runs something; subscribers are told of what it did when it is over. */
  together(act: () => void): void;
  /** Up to which position operations of a store may be told to others. */
  told(store: BackendName): number;
  /** Resolves when everything written so far is durable in a store. */
  flush(store: BackendName): Promise<void>;
  operations(range: OperationRange): Observable<Operation>;
  /** Returns whether a node of this group has that id, as far as this node knows. */
  knows(nodeId: string): boolean;
  report(event: NodeEvent): void;
  /** Returns what {@link remember} last kept under a name, in this life or an earlier one; undefined if nothing. */
  recall(name: string): unknown;
  /** Keeps a small JSON value, if the node keeps anything. */
  remember(name: string, value: unknown): void;
}
