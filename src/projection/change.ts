import { stampToMs } from '../log/hybrid-clock.ts';
import { type Operation, kindName } from '../log/operation.ts';
import type { Key, Value } from '../schema/index.ts';

/** What happened to a row, as a subscriber sees it. */
export type ChangeKind = 'new' | 'changed' | 'removed' | 'expired' | 'cleared';

/** What names one operation on this node, and when it was written. */
export interface OperationFacts {
  readonly position: number;
  readonly table: string;
  readonly origin: string;
  readonly sequence: number;
  readonly kind: number;
  readonly key: Key | undefined;
  readonly value: Value;
  readonly stamp: number;
}

/** Makes the object subscribers of the log get. */
export function toOperation(facts: OperationFacts): Operation {
  const { position, table, origin, sequence, kind, key, value, stamp } = facts;
  return { position, table, origin, sequence, kind: kindName(kind), key, value, time: stampToMs(stamp) };
}

/** One row's change: emitted once, after the table holds it, in the order of the log. */
export class Change<K = Key, V = Value> {
  readonly kind: ChangeKind;
  readonly key: K;
  /** The value now; undefined when the row is gone, and for sets. */
  readonly value: V | undefined;
  /** The value before; undefined when there was no row, and for sets. */
  readonly previous: V | undefined;
  readonly #facts: OperationFacts;

  constructor(kind: ChangeKind, key: K, previous: V | undefined, facts: OperationFacts) {
    this.kind = kind;
    this.key = key;
    this.value = facts.value as V | undefined;
    this.previous = previous;
    this.#facts = facts;
  }

  /** `nodeId@epoch` of the author. */
  get origin(): string {
    return this.#facts.origin;
  }

  /** The operation that caused the change; one `clear` causes many. */
  get operation(): Operation {
    return toOperation(this.#facts);
  }
}

/** One side of a conflict: a value and the write it comes from. */
export interface ConflictSide<V = Value> {
  /** Undefined when the side is a removal, and for sets. */
  readonly value: V | undefined;
  readonly origin: string;
  readonly sequence: number;
}

/** A write met a row its author had not seen. `kept` is what stands here now. */
export interface Conflict<K = Key, V = Value> {
  readonly table: string;
  readonly key: K;
  readonly kept: ConflictSide<V>;
  readonly lost: ConflictSide<V>;
  readonly operation: Operation;
}
