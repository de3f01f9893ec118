import type { Cell } from '../../schema/schema.ts';
import type { Value } from '../../schema/index.ts';
import type { OwnEffect } from '../../modes/conflict-mode.ts';

export const ROWS = 1;
export const REMOVED = 2;
export const DICTIONARY = 3;
/** Changes of the document behind the table; 4 is a piece of the header. */
export const DOCUMENT = 5;
/** Marks what the node that wrote the checkpoint remembers of its own; it means nothing to others. */
export const PAST = 6;
/** Rows or dictionary entries per chunk. */
export const ENTRIES_PER_CHUNK = 4096;

/** A record is what a node remembers of its own under earlier documents. */
export interface PastRecord {
  readonly effects: readonly OwnEffect[];
  readonly copies: readonly string[];
}

/** Returns whether something from outside is a safe integer of at least `least`. */
export function isCount(value: unknown, least: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least;
}

/** Rows, or remembered removals, of one chunk. */
export interface CheckpointRows {
  readonly removed: boolean;
  readonly texts: readonly string[];
  readonly cells: ArrayLike<Cell>;
  /** Holds what the cells say, where that was found out when they were checked. */
  readonly values?: readonly Value[] | undefined;
  readonly origins: readonly string[];
  readonly originOf: Uint32Array;
  readonly sequences: ArrayLike<number>;
  readonly stamps: ArrayLike<number>;
  readonly created: ArrayLike<number>;
}
