// What the API answers, as far as this page reads it. The OpenAPI document says the rest.

/** A value in the JSON form of its type. */
export type Cell = string | number | boolean | null | readonly Cell[] | { readonly [name: string]: Cell };

export type Mode = 'naive' | 'lww' | 'automerge';
export type OperationKind = 'set' | 'delete' | 'clear' | 'expire' | 'switch' | 'increment' | 'touch';

/** One of several pages: how many there are on all, and the path of the next. */
export interface Paged {
  readonly total: number;
  readonly next?: string;
}

export interface Declaration {
  readonly key: string | readonly string[];
  readonly value?: string;
  readonly backend: 'memory' | 'sqlite';
  readonly mode: Mode;
  readonly createExpire?: number;
  readonly writeExpire?: number;
}

export interface TableStatus {
  readonly name: string;
  readonly kind: 'map' | 'set';
  readonly declaration: Declaration;
  /** The mode in force, which may be another than the one declared. */
  readonly mode: Mode;
  readonly rows: number;
  readonly synced: boolean;
  readonly divergedKeys: number;
  /** The peers that hold other rows, and under how many keys. */
  readonly differing: readonly { readonly peer: string; readonly keys: number }[];
  readonly operations: { readonly local: number; readonly remote: number };
  readonly mayWrite: boolean;
}

export interface HeldBack {
  readonly by: 'here' | 'there';
  readonly table: string;
  readonly origin: string | null;
  readonly sequence: number;
  readonly code: string;
  readonly reason: string;
  readonly hint: string | null;
  readonly since: number;
  readonly times: number;
}

export interface PeerStatus {
  readonly nodeId: string | null;
  readonly address: string;
  readonly direction: 'dialled' | 'accepted';
  readonly state: 'connected' | 'connecting' | 'waiting' | 'refused';
  readonly since: number;
  readonly reason: string | null;
  readonly sentOperations: number;
  readonly receivedOperations: number;
  readonly lagOperations: number;
  readonly durableOperations: number | null;
  readonly roundTripMs: number | null;
  /** How far the peer's clock is ahead of this node's, give or take half a round trip. */
  readonly clockOffsetMs: number | null;
  /** What the peer may do here; null: everything. */
  readonly rights: {
    readonly holder: string | null;
    readonly writes: readonly string[];
    readonly relays: boolean;
  } | null;
  readonly tables: readonly { readonly name: string; readonly mode: string; readonly shared: boolean }[];
  readonly heldBack: readonly HeldBack[];
}

export interface DiskStatus {
  readonly appended: number;
  readonly committed: number;
  readonly trimmedTo: number;
  readonly waitingBytes: number;
  readonly failure: string | null;
  readonly databaseBytes?: number;
  readonly walBytes?: number;
  readonly freeBytes?: number;
}

export interface ZeekStatus {
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly tables: readonly string[];
  /** What was missed of tables and is not made good, by table. */
  readonly missed: Readonly<Record<string, number>>;
}

/** The node that answers. */
export interface NodeFacts {
  readonly id: string;
  readonly version: string;
  /** Another one after each start. */
  readonly life: string;
  readonly phase: string;
  /** The node's clock, in milliseconds since 1970. */
  readonly time: number;
  readonly position: number;
  readonly address: string | null;
  readonly you: { readonly holder: string | null; readonly readsAll: boolean; readonly writesAll: boolean };
  readonly ready: { readonly ready: boolean; readonly reasons: readonly string[] };
  readonly disk: DiskStatus | null;
  readonly retention: { readonly age?: number; readonly bytes?: number; readonly operations?: number };
  readonly zeek: readonly ZeekStatus[];
}

export interface Cluster {
  readonly peers: readonly PeerStatus[];
}

export interface Metrics {
  readonly metrics: readonly {
    readonly name: string;
    readonly samples: readonly {
      readonly labels?: Readonly<Record<string, string>>;
      readonly value: number | string;
    }[];
  }[];
}

/** A row with the write it comes from. */
export interface Row {
  readonly key: Cell;
  readonly value?: Cell;
  readonly origin: string;
  readonly sequence: number;
  readonly time: number;
  /** Every value that stands under the key, where there are several. */
  readonly values?: readonly { readonly value?: Cell; readonly origin: string; readonly winner: boolean }[];
}

export interface Rows extends Paged {
  readonly position: number;
  readonly rows: readonly Row[];
}

export interface Side {
  readonly value?: Cell;
  readonly origin: string;
  readonly sequence: number;
}

export interface Conflict {
  readonly key: Cell;
  readonly kept: Side;
  readonly lost: Side;
  readonly position: number;
  readonly time: number;
}

/** One operation of a key, and what it did to the row. */
export interface HistoryEntry {
  readonly position: number;
  readonly origin: string;
  readonly sequence: number;
  readonly time: number;
  readonly kind: OperationKind;
  readonly value?: Cell;
  /** Undefined where the log no longer reaches back to the beginning. */
  readonly effect?: 'new' | 'changed' | 'removed' | 'expired' | 'cleared' | 'none';
  readonly before?: Cell;
  readonly after?: Cell;
  readonly conflict?: Conflict;
}

export interface History extends Paged {
  readonly position: number;
  readonly operations: readonly HistoryEntry[];
  /** Whether the log reaches back to the beginning. */
  readonly complete: boolean;
}

export interface RowsAt extends Paged {
  readonly position: number;
  readonly time?: number;
  readonly rows: readonly { readonly key: Cell; readonly value?: Cell }[];
}

export interface Difference extends Paged {
  readonly from: number;
  readonly to: number;
  readonly changes: readonly {
    readonly kind: 'added' | 'changed' | 'removed';
    readonly key: Cell;
    readonly before?: Cell;
    readonly after?: Cell;
  }[];
}

/** How many operations went into the log, bucket by bucket. */
export interface Rates {
  readonly by: 'position' | 'time';
  readonly from: number;
  readonly to: number;
  readonly width: number;
  readonly first: number;
  readonly last: number;
  readonly firstTime: number | null;
  readonly lastTime: number | null;
  readonly series: readonly {
    readonly table: string;
    readonly origin: string;
    readonly counts: readonly number[];
  }[];
}

export interface DivergedKey {
  readonly key: Cell;
  readonly peer: string;
  readonly here: Side | null;
  readonly there: Side | null;
}

export interface Divergence extends Paged {
  readonly keys: readonly DivergedKey[];
}

export interface RepairPreview extends Paged {
  readonly from: string;
  readonly writes: readonly {
    readonly key: Cell;
    readonly stands: boolean;
    readonly before?: Cell;
    readonly after?: Cell;
    readonly removes: boolean;
    /** What peers hold that differs. */
    readonly elsewhere: readonly {
      readonly peer: string;
      readonly removed: boolean;
      readonly value?: Cell;
    }[];
  }[];
}

export interface ModeCost {
  readonly mode: Mode;
  readonly to: Mode;
  readonly possible: boolean;
  readonly rows: number;
  readonly divergedKeys: number;
  readonly peers: readonly string[];
  readonly unreached: readonly string[];
  readonly effects: readonly string[];
}

export interface NodeEvent {
  readonly code: string;
  readonly severity: 'info' | 'warning' | 'error';
  readonly message: string;
  readonly time: number;
  readonly table?: string;
  readonly peer?: string;
  readonly hint?: string;
}
