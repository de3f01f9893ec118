import type { TablecastError } from '../errors.ts';
import type { Epoch } from '../log/operations/epoch.ts';
import type { BackendName } from '../schema/schema.ts';
import type { Work } from '../work/slices.ts';
import type { OperationLog } from '../log/keeping/operation-log.ts';
import type { RunReference } from '../log/keeping/segment-store.ts';
import type { Stretches } from '../log/operations/session-marks.ts';

/** Per origin (as text) the highest sequence held. */
export type Held = readonly (readonly [origin: string, sequence: number])[];

/** A key whose rows differ between this node and a peer; a side is undefined where there is no row. */
export interface Difference {
  readonly key: unknown;
  readonly here: DifferenceSide | undefined;
  readonly there: DifferenceSide | undefined;
}

/** One side of a difference: a value and the write it comes from. */
export interface DifferenceSide {
  readonly value: unknown;
  readonly origin: string;
  readonly sequence: number;
}

/** A leaf, and what a peer said is the sum of its rows' hashes. */
export type LeafSum = readonly [leaf: number, low: number, high: number];

/** Hashes of a table's rows in one state; equal rows give equal hashes on every node. */
export interface TableDigests {
  readonly state: string;
  /** As {@link ReplicaTable.revision} when they were made. */
  readonly revision: number;
  root(): readonly [low: number, high: number];
  /** Two words for each of 256 buckets. */
  buckets(): Uint32Array;
  /** Makes what the next three need; call it before them. */
  order(): Work;
  /** Two words for each of the 256 leaves of a bucket; leaves are numbered `bucket * 256 + leaf`. */
  leaves(bucket: number): Uint32Array;
  /** The rows of some leaves. */
  rows(leaves: readonly number[]): Iterable<Uint8Array>;
  /**
   * Compares the rows of some leaves with those of a peer; undefined when the peer's rows are not those of which
   * it said the sums. A row of an operation that is not held here is left out. Throws `OPERATION_INVALID`.
   */
  differences(
    leaves: readonly LeafSum[],
    chunks: readonly Uint8Array[],
  ): Work<readonly Difference[] | undefined>;
}

/** One table of this node, as replication sees it. */
export interface ReplicaTable {
  readonly name: string;
  readonly store: BackendName;
  /** Is what both sides must agree on. */
  readonly fingerprint: string;
  readonly mode: string;
  /** Says why this node cannot go over to a mode; undefined when it can. */
  unavailable(mode: string): string | undefined;
  /** The switch of mode in force. */
  readonly epoch: Epoch;
  /** Returns whether a later one can be believed. */
  canFollow(epoch: { readonly counter: number }): boolean;
  /** For showing to people when they do not. */
  readonly declaration: unknown;
  /** Says in words how it differs from what a peer declares, which was not checked; empty where no word is known. */
  differenceFrom(there: object, mode: string): string;
  readonly rows: number;
  /** Nodes of which lives were forgotten, so that the log's runs alone do not make the table. */
  readonly forgottenNodes: readonly string[];
  held(origin: string): number;
  /** Counts the lives of the vector, and how often it changed. */
  readonly lives: number;
  readonly changes: number;
  vector(): Held;
  /** The session of its author that wrote an operation which is held; 0 when that is not known. */
  sessionOf(origin: string, sequence: number): number;
  /** A position of this node's log at or before that of an origin's operation. */
  positionOf(origin: string, sequence: number): number;
  /**
   * Names the set of operations held; equal on nodes that hold the same. Takes as long as the vector has lives when it
   * changed since it was asked for last.
   */
  state(): string;
  /** Another number when the rows of the present state changed: a checkpoint may change rows and bring no operation. */
  readonly revision: number;
  /** Hashes of the rows as they are; takes a pass over them when the state is new. Undefined when it changed meanwhile. */
  digests(): Work<TableDigests | undefined>;
  /** Writes values again whose rows touches prolong: a peer came that does not understand touches. */
  writeTouched(): void;
  /**
   * The rows in chunks; may be consumed in slices while the table changes. `tellsSwitch`: who takes it over has not made
   * the switch of mode in force.
   */
  checkpoint(tellsSwitch: boolean): Iterator<Uint8Array, void>;
}

/** A refusal keeps the operations of an author from being taken into a table. */
export interface Refusal {
  readonly table: string;
  readonly origin: string;
  /** The first that is not taken. */
  readonly sequence: number;
  readonly error: TablecastError;
}

/** Applied runs say what became of received ones. */
export interface AppliedRuns {
  /** Operations that were new here. */
  readonly operations: number;
  /** Tables of which an operation before the received ones is missing. */
  readonly gaps: readonly string[];
  /** Tables of which a switch of mode is missing, so that the operations after it were not applied. */
  readonly ahead: readonly string[];
  /** Origins whose life this node forgot long ago, so that their operations were not applied. */
  readonly forgotten: readonly string[];
  /** Lists whose operations in which table are not taken, from which one on, and why. */
  readonly refused: readonly Refusal[];
  /** Tables of which operations are held already that are others, and the life they are of. */
  readonly parted: readonly (readonly [table: string, origin: string])[];
  /** Every run that was looked at, new or not. */
  readonly references: readonly ReceivedReference[];
  /** Is what the runs let take effect that had waited for them, and that is too much for one turn; undefined if nothing. */
  readonly rest: Work | undefined;
}

/** A run that was received, and the switch of mode under which it was written; undefined before any. */
export type ReceivedReference = RunReference & { readonly epoch: Epoch | undefined };

/** Adopted rows say what taking over a checkpoint did. */
export interface AdoptedRows {
  /** Counts the rows that changed. */
  readonly rows: number;
  /** Says whether it brought a switch of mode. */
  readonly switched: boolean;
}

/**
 * A judgement is what a peer's word about this node's own operations comes to. `forked`: this node wrote
 * under the names that the peer knows, so that one stands for two contents. `claimed`: the peer says more
 * than it could bring, or than can be, which proves nothing. With neither is the table shared.
 */
export type OwnJudgement = 'sound' | 'forked' | 'claimed';

/** A checkpoint was not taken over: it holds what this node wrote and forgot, and it wrote others under the same names. */
export interface Parted {
  /** The life of this node that they are of. */
  readonly parted: string;
}

/** The runs of a frame, opened: one value from intake to fold, whose checksums are not worked out again. */
export interface ReceivedFrame {
  /**
   * Makes the work, done in slices before they are taken, of what takes long to check and convert in some runs;
   * undefined where nothing does. Runs of tables that are not `taken` are passed over.
   */
  prepare(taken: (table: string) => boolean): Prepared | undefined;
  /**
   * Applies and logs the runs; `from.seen` is told of each before it takes effect, and leaves it out by returning
   * false. A run that is refused takes with it only what its author wrote in that table.
   */
  take(from: RunSource): AppliedRuns;
}

/** Runs that are being prepared. */
export interface Prepared {
  readonly work: Work;
  /** Call once the runs have been received, or never will be. */
  forget(): void;
}

/** The peer that brings runs. */
export interface RunSource {
  /** Is told of each run before it takes effect, and leaves it out by returning false. */
  seen(run: RunReference): boolean;
  /** Returns whether it wrote as an origin, and does not only pass on what that wrote. */
  wrote(origin: string): boolean;
}

/** The replica port: what replication needs of the node it serves. */
export interface Replica {
  readonly nodeId: string;
  readonly session: number;
  /** Origins under which this node writes in its present life. */
  readonly ownOrigins: readonly string[];
  readonly log: OperationLog;
  /** A peer says what its clock says, in milliseconds since 1970: what this node's own says may be right after a jump. */
  heardClock(timeMs: number): void;
  /** Names the tables that have rows whose lives touches prolong. */
  touched(): readonly string[];
  table(name: string): ReplicaTable | undefined;
  /** As {@link ReplicaTable.held}, without the rest; undefined for a table that is not declared here. */
  held(table: string, origin: string): number | undefined;
  tables(): Iterable<ReplicaTable>;
  /**
   * Compares what a peer says it holds of this node's own present life with what this node wrote. When the
   * peer knows more, this node's storage is older than what it once sent: it begins a new life, once per start.
   */
  judgeOwn(table: string, held: Held, believed: boolean): OwnJudgement;
  /** Opens the runs of others that came in one frame. Throws `OPERATION_INVALID` for bytes that are no run. */
  open(runs: readonly Uint8Array[]): ReceivedFrame;
  /**
   * Merges another node's checkpoint into a table; `seen` is told what that node holds, and in which sessions
   * it was written, before it takes effect, and leaves it out by returning false. Gives undefined when it was
   * left out. Nothing may be received until it is done. Throws
   * `OPERATION_INVALID`, `CLOCK_AHEAD` or `LIMIT_EXCEEDED`, and has changed nothing then.
   */
  adopt(
    table: string,
    chunks: readonly Uint8Array[],
    seen: (held: Held, written: readonly Stretches[]) => boolean,
  ): Work<AdoptedRows | Parted | undefined>;
}
