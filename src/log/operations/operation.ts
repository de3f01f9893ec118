/** Numbers what an operation does. Numbers, because they are what the log stores; never renumber. */
export const SET = 0;
export const DELETE = 1;
export const CLEAR = 2;
export const EXPIRE = 3;
export const SWITCH = 4;
/** Adds to a counter; only in modes whose documents can add up. */
export const INCREMENT = 5;
/**
 * Prolongs the life of a row. It is stored as an `expire` of no write (of sequence 0), which programs before it read
 * as one that has no effect.
 */
export const TOUCH = 6;

/** Names what an operation does. */
export type OperationKind = 'set' | 'delete' | 'clear' | 'expire' | 'switch' | 'increment' | 'touch';

const KIND_NAMES: readonly OperationKind[] = [
  'set',
  'delete',
  'clear',
  'expire',
  'switch',
  'increment',
  'touch',
];

/** Returns the name of a kind. */
export function kindName(kind: number): OperationKind {
  return KIND_NAMES[kind] as OperationKind;
}

/** Counts the kinds that are stored; anything from this number on is not an operation of this version. */
export const KIND_COUNT = 6;

/**
 * An operation is one change to one table: an immutable fact, named for ever by (table, origin, sequence).
 */
export interface Operation {
  /** Says where it stands in this node's log (log offset); grows, may skip; says nothing on another node. */
  readonly position: number;
  readonly table: string;
  /** Names the life of the node that wrote it: `nodeId@epoch`. */
  readonly origin: string;
  /** Counts 1, 2, 3, … per table and origin, without a gap. */
  readonly sequence: number;
  readonly kind: OperationKind;
  /** Is undefined for `clear` and `switch`. */
  readonly key: unknown;
  /**
   * Holds the value of a `set` on a table with values, what an `increment` added, or the mode of a `switch`;
   * else undefined.
   */
  readonly value: unknown;
  /**
   * Counts milliseconds since 1970 on the author's clock; in `lww` never smaller than an operation of the
   * table the author had seen.
   */
  readonly time: number;
}
