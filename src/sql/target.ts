import type { SqlValue, TablePlan } from './columns.ts';

/** A standing says where in a node's log a table of the target stands. */
export interface Standing {
  /** The life whose log positions are counted in. */
  readonly source: string;
  readonly position: number;
}

/** A found table is a table of the target before anything is done. */
export interface FoundTable {
  readonly standing: Standing | undefined;
  /** True when it has the columns that are wanted. */
  readonly fits: boolean;
}

/** A row: a value for each column of its table's plan. */
export type SqlRow = readonly SqlValue[];

/** A version of a row that stood from a position on: see `SPAN`. */
export interface VersionStart {
  readonly position: number;
  readonly time: number;
  /** Undefined where the row went. */
  readonly row: SqlRow | undefined;
}

/** A history of one key, in order. */
export interface KeyHistory {
  readonly key: SqlRow;
  readonly versions: readonly VersionStart[];
}

/**
 * A database that tables are projected into. One transaction is open at a time; whatever throws or rejects
 * leaves the target to be closed, and nothing of the transaction in it.
 */
export interface Target {
  /**
   * Connects, and takes the right to write these tables, which nobody else has until it is closed or this process
   * ends. Rejects with `BACKEND_IN_USE` when somebody has it, retryable when the database is away.
   */
  open(plans: readonly TablePlan[]): Promise<readonly FoundTable[]>;
  /** Does all or nothing. */
  transaction(act: (into: TargetWriter) => Promise<void>): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A writer does everything in one transaction. Tables are named by their plans. */
export interface TargetWriter {
  /** Makes the table that a plan asks for where there is none; in place of one that does not fit, once it is filled. */
  make(plan: TablePlan): Promise<void>;
  /** Puts what {@link make} made beside in the place of the other. */
  swap(plan: TablePlan): Promise<void>;
  /** Writes rows; where a row is as it is to be, nothing. No key twice in one call. */
  put(plan: TablePlan, rows: readonly SqlRow[]): Promise<void>;
  remove(plan: TablePlan, keys: readonly SqlRow[]): Promise<void>;
  /** The keys of all rows, in parts. */
  keys(plan: TablePlan): AsyncIterable<readonly SqlRow[]>;
  /** Enters what happened to keys. No key twice in one call. */
  recount(plan: TablePlan, histories: readonly KeyHistory[]): Promise<void>;
  /** Makes the history end in what the table holds, as of a position. */
  reconcile(plan: TablePlan, at: { readonly position: number; readonly time: number }): Promise<void>;
  /** Says how far a table is. */
  stand(plan: TablePlan, standing: Standing): Promise<void>;
}
