import type { Value } from '../../schema/index.ts';

/** Consecutive writes of one origin, column by column. */
export interface RunOfWrites {
  readonly from: number;
  readonly end: number;
  /** Slot per key number. */
  readonly slots: Int32Array;
  readonly ids: Uint32Array;
  /** Undefined for a set. */
  readonly values: ArrayLike<Value> | undefined;
  readonly origin: number;
  readonly firstSequence: number;
  /** Undefined when all carry `stamp`. */
  readonly stamps: Float64Array | undefined;
  readonly stamp: number;
}

/** Done says what a run of writes did, per write from its first on. */
export interface DoneByRun {
  readonly slots: Int32Array;
  /** Says whether it made a row, changed one, or did nothing: see {@link DID_NOTHING} and what follows it. */
  readonly did: Uint8Array;
  /** Is what the row held that it changed; of tables of doubles only. */
  readonly before: Float64Array | undefined;
}

/** Numbers what a write of a run did. */
export const DID_NOTHING = 0;
export const MADE_ROW = 1;
export const CHANGED_ROW = 2;
