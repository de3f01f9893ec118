import type { StoreName } from '../log/journal.ts';
import type { OperationLog } from '../log/operation-log.ts';
import type { RunReference } from '../log/segment-store.ts';

/** Per origin (as text) the highest sequence held. */
export type Held = readonly (readonly [origin: string, sequence: number])[];

/** One table of this node, as replication sees it. */
export interface ReplicaTable {
  readonly name: string;
  readonly store: StoreName;
  /** What both sides must agree on. */
  readonly fingerprint: string;
  readonly mode: string;
  /** For showing to people when they do not. */
  readonly declaration: unknown;
  readonly rows: number;
  held(origin: string): number;
  vector(): Held;
  /** A position of this node's log at or before that of an origin's operation. */
  positionOf(origin: string, sequence: number): number;
  /** The rows in chunks; may be consumed in slices while the table changes. */
  checkpoint(): Iterator<Uint8Array, void>;
}

/** What became of received runs. */
export interface AppliedRuns {
  /** Operations that were new here. */
  readonly operations: number;
  /** Tables of which an operation before the received ones is missing. */
  readonly gaps: readonly string[];
  /** Origins whose life this node forgot long ago, so that their operations were not applied. */
  readonly forgotten: readonly string[];
  /** Every run that was looked at, new or not. */
  readonly references: readonly RunReference[];
}

/** The replica port: what replication needs of the node it serves. */
export interface Replica {
  readonly nodeId: string;
  readonly session: number;
  /** Origins under which this node writes in its present life. */
  readonly ownOrigins: readonly string[];
  readonly log: OperationLog;
  table(name: string): ReplicaTable | undefined;
  tables(): Iterable<ReplicaTable>;
  /**
   * Compares what a peer holds of this node's own present life with what this node wrote. When the
   * peer knows more, this node's storage is older than what it once sent: it begins a new life.
   * False when it wrote under the old one already, so that one name may stand for two contents.
   */
  ownIsSound(table: string, held: Held): boolean;
  /**
   * Applies and logs runs of others; `seen` is told of each before it takes effect. Throws
   * `OPERATION_INVALID`; what was applied before it stays.
   */
  receive(runs: readonly Uint8Array[], seen: (run: RunReference) => void): AppliedRuns;
  /**
   * Merges another node's checkpoint into a table; `seen` is told what that node holds before it
   * takes effect. Returns how many rows changed.
   */
  adopt(table: string, chunks: readonly Uint8Array[], seen: (held: Held) => void): number;
}
