// What the coordinator and the three node processes tell each other over Node's IPC channel.

/** Sent to a node process. */
export type Request =
  | { readonly type: 'open'; readonly options: NodeProcessOptions }
  | { readonly type: 'read'; readonly share: LogShare }
  | { readonly type: 'contest'; readonly value: string; readonly at: number }
  | { readonly type: 'compare' }
  | { readonly type: 'verify' }
  | { readonly type: 'rows'; readonly table: string }
  | { readonly type: 'close' };

/** What one node process is to open. */
export interface NodeProcessOptions {
  readonly id: string;
  readonly directory: string;
  /** URLs to dial. */
  readonly peers: readonly string[];
  /** The NATS server that carries the tables in the place of links between nodes. */
  readonly nats: string | undefined;
  readonly contested: boolean;
  /** Whether it answers over HTTP, and serves the page. */
  readonly servesPage: boolean;
}

/** A worker's part of the log. */
export interface LogShare {
  readonly path: string;
  /** This worker's number, from 0. */
  readonly worker: number;
  readonly workers: number;
  /** So many rows of the file a second, that people can watch. */
  readonly rowsPerSecond: number;
}

/** Sent by a node process. */
export type Reply =
  | ({ readonly type: 'opened' } & Opened)
  | ({ readonly type: 'caught-up' } & CaughtUp)
  | ({ readonly type: 'status' } & Status)
  | { readonly type: 'read-all' }
  | { readonly type: 'contested' }
  | { readonly type: 'compared'; readonly digests: Readonly<Record<string, string>> }
  | ({ readonly type: 'verified' } & Verified)
  | { readonly type: 'rows'; readonly rows: readonly Row[] }
  | { readonly type: 'failed'; readonly message: string; readonly hint: string };

/** Says that a node is open, and what it found on disk. */
export interface Opened {
  readonly address: string;
  /** Where its page is, if it serves one. */
  readonly page: string | undefined;
  /** Rows of all tables. */
  readonly rows: number;
  /** Operations in the node's log. */
  readonly operations: number;
  readonly milliseconds: number;
  /** Rows of the file this worker had put into the tables. */
  readonly rowsRead: number;
}

/** Says that a node has what its peers had when it connected. */
export interface CaughtUp {
  readonly operations: number;
  readonly milliseconds: number;
}

/** What a node process reports a few times a second. */
export interface Status {
  readonly rows: Readonly<Record<string, number>>;
  readonly position: number;
  /** Operations sent to peers and not yet acknowledged by them. */
  readonly lag: number;
  /** Ids of connected peers. */
  readonly peers: readonly string[];
  readonly rowsRead: number;
  /** The latest changes, for people. */
  readonly changes: readonly ChangeLine[];
  readonly expired: number;
}

/** A change as it is shown. */
export interface ChangeLine {
  readonly author: string;
  readonly table: string;
  readonly kind: string;
  readonly key: string;
  readonly value: string;
}

/** What came out of replaying a node's log into fresh tables. */
export interface Verified {
  readonly tables: Readonly<Record<string, TableCheck>>;
  readonly operations: number;
  readonly milliseconds: number;
  readonly conflicts: number;
  /** Keys of the latest conflicts, as `table key`. */
  readonly conflictKeys: readonly string[];
}

/** One table: the live rows, and the rows replayed from the log. */
export interface TableCheck {
  readonly rows: number;
  readonly digest: string;
  readonly replayedDigest: string;
}

/** A row as text: key and value. */
export type Row = readonly [key: string, value: string];
