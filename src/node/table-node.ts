import type { Stream } from '../work/stream.ts';
import type { CredentialChange } from '../access/rights.ts';
import type { NodeEvent } from '../events.ts';
import type { Log } from '../reading/log-view.ts';
import type { FlushOptions } from './flush-options.ts';
import type { CertificateChange } from './options.ts';
import type { PeerState } from '../replication/peers/peer-state.ts';
import type { TableDeclaration } from '../schema/index.ts';
import type { ProjectOptions } from '../sql/options.ts';
import type { QueryCell } from '../sql/queries/messages.ts';
import type { QueryOptions, QueryResult } from '../sql/queries/queries.ts';
import type { SqlProjection } from '../sql/sql-projection.ts';
import type { LocalChoices, TableDefinition } from '../table/define-table.ts';
import type { Table, TableOf } from '../table/table.ts';
import type { ZeekAttachment } from '../zeek/attachment/zeek-attachment.ts';
import type { ZeekAttachmentOptions } from '../zeek/options.ts';

/** A node is one process's part of a cluster of tables. */
export interface TableNode {
  readonly id: string;
  /** Is the URL at which others can dial this node; undefined when it only dials. */
  readonly address: string | undefined;
  /** Tells every address at which others can dial this node: those of `listen` and `socket`, then those of its own transports. */
  readonly addresses: readonly string[];
  /** Is where `/livez`, `/readyz` and `/metrics` are answered, as `http://host:port`; undefined unless asked for. */
  readonly healthAddress: string | undefined;
  /** Is where tables are answered over HTTP, as `http://host:port`; undefined unless asked for. */
  readonly httpAddress: string | undefined;
  /**
   * Declares a table, or gives the one declared before under this name. Persisted rows are there
   * when it returns. Throws `DECLARATION_INVALID`, or `DECLARATION_DIFFERS` when the name is declared otherwise.
   */
  table<const D extends TableDeclaration>(name: string, declaration: D): TableOf<D>;
  /** Declares a table that {@link defineTable} defines, with what this node has otherwise. Throws as well. */
  table<D extends TableDeclaration>(definition: TableDefinition<D>, here?: LocalChoices): TableOf<D>;
  /** Holds the tables declared so far. */
  readonly tables: ReadonlyMap<string, Table>;
  /**
   * Runs a synchronous function whose writes, to any tables, are one unit: on disk, and on every
   * peer. If it throws, none of them happened. At most 16,384 operations or 1 MiB. A batch inside
   * another is part of it: when the inner one throws, so does the outer one at its end.
   */
  batch<T>(write: () => T): T;
  readonly log: Log;
  /** Tells of connections, one entry per configured or connected peer; replays its present value. */
  readonly peers: Stream<readonly PeerState[]>;
  /** Tells what an operator may want to know. It never fails. */
  readonly events: Stream<NodeEvent>;
  /**
   * Attaches the node to a Zeek cluster, whose tables it declares and keeps alike from then on; connects
   * in the background, and again whenever the connection is lost. Throws `OPTION_INVALID`, and for its
   * tables what {@link table} throws.
   */
  attachZeek(options: ZeekAttachmentOptions): ZeekAttachment;
  /**
   * Keeps tables in an SQL database as well, typed, from now on: begins in the background, goes on after whatever
   * ends in between, and ends with the node. All tables of one projection stand at one position, and have the
   * same backend. Throws `OPTION_INVALID`; `LIMIT_EXCEEDED` for a ninth projection.
   */
  project(tables: string | readonly string[], options: ProjectOptions): SqlProjection;
  /**
   * Answers a query in the SQL of SQLite about every declared table, all as of one position: that of the log when its
   * turn comes, which it waits for behind others. `parameters` stand for `?`. Read-only; a process of its own answers.
   * Rejects with `OPTION_INVALID` for what SQLite refuses, `LIMIT_EXCEEDED` for what takes more than it may, `CLOSED`.
   */
  query(sql: string, parameters?: readonly QueryCell[], options?: QueryOptions): Promise<QueryResult>;
  /**
   * Uses other certificates from now on, without a restart; connections that exist go on. Throws
   * `OPTION_INVALID`, and changes nothing, when one of them cannot be used.
   */
  reloadCertificates(change: CertificateChange): void;
  /**
   * Uses other tokens and rights from now on, in place of all there were (`auth.verify` stays), without a restart.
   * Connections of a peer whose credential is gone, or gives other rights now, are ended before this returns.
   * Nothing more is taken from them. They may come back with what they have. Others go on. The event
   * `credentials-reloaded` says what changed. Throws `OPTION_INVALID`, and changes nothing, for what
   * {@link openNode} would refuse, and where client certificates are wanted that were not at the start.
   */
  reloadCredentials(change: CredentialChange): void;
  /**
   * Resolves when everything written so far is durable here; rejects with the reason when it cannot be. With options
   * it waits as well until so many peers hold it, each as durably as it keeps the tables. Rejects with `PEERS_BEHIND`,
   * which says who lags and by how much, when they do not in time, and `OPTION_INVALID`.
   */
  flush(options?: FlushOptions): Promise<void>;
  /** Flushes, tells peers, and ends; the process can then exit. Idempotent. */
  close(): Promise<void>;
  /** Does the same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
