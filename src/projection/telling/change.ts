import { stampToMs } from '../../log/operations/hybrid-clock.ts';
import { type Operation, SET, kindName } from '../../log/operations/operation.ts';
import type { Key, Value } from '../../schema/index.ts';

/** Says what happened to a row, as a subscriber sees it. */
export type ChangeKind = 'new' | 'changed' | 'removed' | 'expired' | 'cleared';

/** The facts name one operation on this node, and say when it was written. */
export interface OperationFacts {
  readonly position: number;
  readonly table: string;
  readonly origin: string;
  readonly sequence: number;
  readonly kind: number;
  readonly key: Key | undefined;
  readonly value: Value;
  readonly stamp: number;
  /** Is what the row holds now, where that is not the operation's own value. */
  readonly row?: { readonly value: Value } | undefined;
}

/** A source is what consecutive writes of one author have in common. */
export interface WriteSource {
  readonly table: string;
  readonly origin: string;
  readonly stamp: number;
}

/** A cause is what made a change. Valid during the call it is passed to: who tells of many writes uses one object. */
export interface ChangeCause {
  /** A plain write by where it comes from; anything else by its facts. */
  readonly source: WriteSource | OperationFacts;
  readonly position: number;
  readonly sequence: number;
  readonly value: Value;
}

/** Makes the object subscribers of the log get. */
export function toOperation(facts: OperationFacts): Operation {
  const { position, table, origin, sequence, kind, key, value, stamp } = facts;
  return { position, table, origin, sequence, kind: kindName(kind), key, value, time: stampToMs(stamp) };
}

/** Every change tells this beside what became of the row. */
interface ToldOf<K> {
  readonly key: K;
  /** Names the author's life: `nodeId@epoch`. */
  readonly origin: string;
  /** Is the operation that caused the change; one `clear` causes many. Its key and value are exact. */
  readonly operation: Operation;
}

/** A change is what an operation did to one row: told once, after the table holds it, in the order of the log. */
export type Change<K = Key, V = Value> = ToldOf<K> &
  (
    | { readonly kind: 'new'; readonly value: V; readonly previous: undefined }
    | { readonly kind: 'changed'; readonly value: V; readonly previous: V }
    | { readonly kind: 'removed' | 'expired' | 'cleared'; readonly value: undefined; readonly previous: V }
  );

/** Makes the change that subscribers get. */
export function changeOf(kind: ChangeKind, key: Key, previous: Value, cause: ChangeCause): Change {
  return new RowChange(kind, key, previous, cause) as Change;
}

class RowChange {
  readonly kind: ChangeKind;
  readonly key: Key;
  readonly value: Value;
  readonly previous: Value;
  readonly #source: ChangeCause['source'];
  readonly #position: number;
  readonly #sequence: number;

  constructor(kind: ChangeKind, key: Key, previous: Value, cause: ChangeCause) {
    this.kind = kind;
    this.key = key;
    this.value = cause.value;
    this.previous = previous;
    this.#source = cause.source;
    this.#position = cause.position;
    this.#sequence = cause.sequence;
  }

  get origin(): string {
    return this.#source.origin;
  }

  get operation(): Operation {
    const source = this.#source;
    if ('kind' in source) return toOperation(source);
    const { key, value } = this;
    return toOperation({
      ...source,
      position: this.#position,
      sequence: this.#sequence,
      kind: SET,
      key,
      value,
    });
  }
}

/** A side of a conflict is a value and the write it comes from. */
export interface ConflictSide<V = Value> {
  /** Is undefined when the side is a removal, and for sets. */
  readonly value: V | undefined;
  readonly origin: string;
  readonly sequence: number;
}

/** A conflict is a write that met a row its author had not seen. `kept` is what stands here now. */
export interface Conflict<K = Key, V = Value> {
  readonly table: string;
  readonly key: K;
  readonly kept: ConflictSide<V>;
  readonly lost: ConflictSide<V>;
  readonly operation: Operation;
}
