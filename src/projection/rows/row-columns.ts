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

/** Rows, or removals, of a checkpoint, column by column: that of `texts[n]` goes to slot `first + n`. */
export interface PartOfRows {
  readonly first: number;
  readonly removed: boolean;
  readonly texts: readonly string[];
  /** Undefined for removals, and of a set. */
  readonly values: ArrayLike<Value> | undefined;
  /** Numbers of origins, which `originOf` refers to. */
  readonly origins: readonly number[];
  readonly originOf: Uint32Array;
  readonly sequences: ArrayLike<number>;
  readonly stamps: ArrayLike<number>;
  readonly created: ArrayLike<number>;
}

// Loops over columns stand in functions of their own: the smaller one is, the sooner it is compiled.

export function putAuthors(into: Int32Array, originOf: Uint32Array, authors: readonly number[]): void {
  if (authors.length === 1) into.fill(authors[0] as number);
  else for (let at = 0; at < into.length; at++) into[at] = authors[originOf[at] as number] as number;
}

export function putVersions(
  into: Float64Array,
  sequences: ArrayLike<number>,
  stamps: ArrayLike<number>,
): void {
  for (let at = 0, to = 0; to < into.length; at++, to += 2) {
    into[to] = sequences[at] as number;
    into[to + 1] = stamps[at] as number;
  }
}

export function resized(values: Float64Array, length: number): Float64Array {
  const larger = new Float64Array(length);
  larger.set(values);
  return larger;
}
