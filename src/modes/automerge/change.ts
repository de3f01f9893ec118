import type { Cell } from '../../schema/schema.ts';

/** Numbers what an operation of a change does; Automerge's numbers. */
export const PUT = 1;
export const DELETE = 3;
export const INCREMENT = 5;

/** Most operations of one change; a run of more is told in several. */
export const MAX_CHANGE_OPERATIONS = 1000;
/** A change is closed when it has this many bytes of keys and values; one entry may go beyond. */
export const CHANGE_CHARACTERS: number = 48 * 1024;
/** Most bytes of a change: the largest key and value there can be, behind a change that was nearly full. */
export const MAX_CHANGE_BYTES: number = 4 * 1024 * 1024;
/** Most earlier operations that one operation names, so that a few bytes cannot stand for any number of them. */
export const MAX_NAMED = 256;
/** Most that the operations of one change name together. */
export const MAX_CHANGE_NAMED = 65_536;
/** Highest operation counter taken from elsewhere: documents are begun anew long before. */
export const MAX_COUNTER: number = 2 ** 30;
/** Longest actor, in bytes. */
export const MAX_ACTOR_BYTES = 512;

/** Names one operation: Lamport counter and actor. */
export interface OperationId {
  readonly counter: number;
  readonly actor: string;
}

/** A value as Automerge knows it; of a counter what it begins with. */
export type Scalar =
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'double' | 'counter'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean };

/** One operation on the document's root map. */
export interface ChangeOperation {
  readonly action: typeof PUT | typeof DELETE | typeof INCREMENT;
  readonly key: string;
  /** Holds what a put puts. */
  readonly scalar: Scalar | undefined;
  /** Holds what an increment adds; 0 otherwise. */
  readonly by: number;
  /** Lists what it replaces, removes or adds to, in ascending order. */
  readonly before: readonly OperationId[];
}

/** The content is what an Automerge change says. Actors and hashes are byte strings: one character per byte. */
export interface ChangeContent {
  readonly actor: string;
  readonly seq: number;
  /** Counter of its first operation; the others follow. */
  readonly startOp: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly message: string;
  /** Hashes of the changes it follows, in ascending order. */
  readonly deps: readonly string[];
  readonly operations: readonly ChangeOperation[];
}

/** A change stands here with its bytes and with what names it. */
export interface Change extends ChangeContent {
  readonly hash: string;
  readonly bytes: Uint8Array;
}

/** Negative when `one` is the earlier name. */
export function compareIds(one: OperationId, other: OperationId): number {
  if (one.counter !== other.counter) return one.counter - other.counter;
  if (one.actor === other.actor) return 0;
  return one.actor < other.actor ? -1 : 1;
}

/** Returns the scalar that stands for a cell: safe integers count, all else is replaced as a whole. */
export function scalarOf(cell: Cell | undefined, column: string): Scalar {
  if (cell === undefined || typeof cell === 'boolean') return { type: 'bool', value: cell ?? true };
  if (typeof cell === 'string') return { type: 'text', value: cell };
  if (typeof cell === 'bigint') {
    // A peer may say a small integer with many digits.
    if (column === 'integer' && cell >= -MAX_SAFE && cell <= MAX_SAFE)
      return { type: 'counter', value: Number(cell) };
    return { type: 'text', value: String(cell) };
  }
  return { type: column === 'double' ? 'double' : 'counter', value: cell };
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const INTEGER = /^(?:0|-?[1-9][0-9]{0,19})$/;

/** The cell a scalar stands for in a column; undefined when no cell of the column is written so. */
export function cellOf(scalar: Scalar, column: string): Cell | undefined {
  const { type, value } = scalar;
  switch (column) {
    case 'none':
      return value === true ? true : undefined;
    case 'double':
      return type === 'double' ? value : undefined;
    case 'bool':
      return type === 'bool' ? value : undefined;
    case 'text':
      return type === 'text' ? value : undefined;
    case 'bigint':
      return type === 'text' && INTEGER.test(value) ? BigInt(value) : undefined;
    case 'integer': {
      if (type === 'counter') return value;
      if (type !== 'text' || !INTEGER.test(value)) return undefined;
      const large = BigInt(value);
      return large > MAX_SAFE || large < -MAX_SAFE ? large : undefined;
    }
    default:
      return undefined;
  }
}

/** Returns whether two scalars are the same, NaN and -0 told apart as a document does. */
export function sameScalar(one: Scalar, other: Scalar): boolean {
  return one.type === other.type && Object.is(one.value, other.value);
}

/** Counts the earlier operations that some operations name together. */
export function namedBy(operations: readonly ChangeOperation[]): number {
  return operations.reduce((sum, { before }) => sum + before.length, 0);
}

/**
 * Returns bytes, at most {@link MAX_ACTOR_BYTES}, as a string of one character each; made in one piece, so
 * that comparing it costs nothing more.
 */
export function byteString(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** Returns the bytes of a string of one character each. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
