import type { Stream } from '../work/stream.ts';
import type { Change, Conflict } from '../projection/telling/change.ts';
import type { Column, PlainDeclaration, TableDeclaration } from '../schema/index.ts';
import type { ConcurrentValue, DivergedKey, KeyOf, ValueOf, WrittenOf } from './forms.ts';
import type { RepairOptions } from './repair.ts';
import type { UndoOptions, UndoPlan } from './undo.ts';
import type { Join, JoinOptions, Joined } from '../views/join.ts';
import type { ViewOpener } from '../views/view-opener.ts';
import type { ViewRow } from '../views/rows-of-views.ts';
import { ReplicatedMap, ReplicatedSet, ReplicatedTable, type TableParts } from './replicated-table.ts';

export type { Stream } from '../work/stream.ts';

/** Is a table or a set, by its declaration. */
export type TableOf<D extends TableDeclaration> = D['value'] extends Column
  ? MapTable<KeyOf<D>, ValueOf<D>, WrittenOf<D>>
  : SetTable<KeyOf<D>>;

/**
 * A table has these members as map and as set. Reading never waits; a write is applied before the call
 * returns, stands in the log, and reaches the other nodes when it is durable.
 *
 * Every method that takes a key throws `KEY_INVALID` for one that the declaration does not allow, and every
 * write `CLOSED` after the node was closed, or the reason why the backend takes no writes.
 */
export interface Table<K = unknown, V = unknown> {
  readonly name: string;
  /** Is the declaration with its defaults filled in. */
  readonly declaration: Readonly<PlainDeclaration>;
  /**
   * Tells each row's changes, wherever they were written, once, in the order of this node's log. In mode
   * `automerge` a row may come to show an earlier write again; its change names that write, at its earlier
   * position.
   */
  readonly changes: Stream<Change<K, V>>;
  /** Tells of writes of others that took effect on a row their author had not seen. */
  readonly conflicts: Stream<Conflict<K, V>>;
  /** Says whether every connected peer's rows are here; replays its present value. */
  readonly synced: Stream<boolean>;
  /**
   * Lists the keys on which this node and a connected peer differ although both hold the same operations, as
   * of the last time the table was at rest; replays the present list. At most 65,536 per peer.
   */
  readonly divergence: Stream<readonly DivergedKey<K, V>[]>;
  /** Is the conflict mode in force. */
  readonly mode: 'naive' | 'lww' | 'automerge';
  /** Counts the rows. */
  readonly size: number;
  /** Returns whether a key has a row. */
  has(key: K): boolean;
  /** Removes a row and tells whether there was one. The operation is written either way: another node may have it. */
  delete(key: K): boolean;
  /**
   * Makes the cluster equal by ordinary operations. For each key on which this node and a connected peer differ, this
   * node writes what the node `from` has, or removes the key. `from` may be this node's own id. Resolves with the number
   * of keys; with `dryRun` nothing is written, and it is the number that would be. Throws `PEER_UNREACHABLE` when
   * `from` cannot be compared with; nothing is changed then.
   */
  repair(options: RepairOptions): Promise<number>;
  /**
   * Takes back what one author wrote into this table since a position of this node's log, or since a time. It does
   * so by ordinary operations of this node. Each key whose present value or removal is the author's gets what it
   * held without these operations. What others wrote over stays; what the author added to numbers that add up is
   * subtracted. Resolves with what was written; with `dryRun` nothing is, and `apply()` of the plan does. It reads
   * the table's whole log.
   *
   * Rejects with `LOG_TRIMMED` when this node's log does not reach back to its beginning, and `OPTION_INVALID`.
   */
  undo(options: UndoOptions): Promise<UndoPlan<K, V>>;
  /**
   * Switches the conflict mode for the whole cluster, with one operation: the rows as they are on
   * this node are what everybody goes on from. What others wrote without knowing of the switch they
   * write again under the new mode; rows that differed elsewhere are reported on their `conflicts`. Of
   * two switches at once the same one stands everywhere. Resolves when the switch is durable here.
   *
   * Throws `DECLARATION_INVALID` for a mode this version does not have, `OPTION_INVALID` in a batch.
   */
  switchMode(mode: 'naive' | 'lww' | 'automerge'): Promise<void>;
  /**
   * Returns every value that stands under a key, the one that the table shows first. In mode `automerge`
   * there are several after concurrent writes, until somebody who has seen them writes the key again; in
   * other modes there is one at most, because they keep no other.
   */
  conflictsOf(key: K): readonly ConcurrentValue<V>[];
  /**
   * Returns the table as an Automerge document in the official library's format: a map from the canonical
   * text of each key to its value, with the history since the document was begun. It works only in mode
   * `automerge`, and takes about 10 µs per operation of the history, in one go.
   *
   * Throws `OPTION_INVALID` in another mode or without the library, `OPERATION_INVALID` for a document that
   * the library does not read.
   */
  exportAutomerge(): Uint8Array;
  /**
   * Opens a view: rows of this table as the options ask for them, kept up to date until it is closed. It looks at
   * every row once, in one go.
   *
   * Throws `OPTION_INVALID` for what is no option, `VIEW_FAILED` when one of its functions throws, `LIMIT_EXCEEDED`
   * for more than 1,024 views of one table.
   */
  readonly view: ViewOpener<K, V>;
  /**
   * Returns this table joined with another, which may be itself. Each row has the row beside it whose key `on` gives, as
   * `{ left, right }`; views of that follow both tables. Throws `OPTION_INVALID`.
   */
  join<K2, V2>(
    other: Table<K2, V2>,
    options: JoinOptions<K, V, K2> & { readonly optional: true },
  ): Join<K, Joined<V, ViewRow<K2, V2> | undefined>>;
  /** Returns this table joined with another; rows to which none of the other belongs are left out. */
  join<K2, V2>(other: Table<K2, V2>, options: JoinOptions<K, V, K2>): Join<K, Joined<V, ViewRow<K2, V2>>>;
  /**
   * Returns whether a key has a row, whose life then counts anew: it expires one `writeExpire` from now, and its
   * value is not sent again. An absent row is not made. No change is told; `node.log` shows an operation of kind `touch`.
   * A touch prolongs what stands when it arrives, and competes with no write.
   *
   * The value is sent again, as by `set`, in mode `automerge` (numbers there are added 0 to), while a peer of
   * version 0.2 or earlier is connected, and beyond 65,536 rows that touches prolong.
   *
   * Throws `OPTION_INVALID` in a table without `writeExpire`, `KEY_INVALID`.
   */
  touch(key: K): boolean;
  /** Removes every row, here and on every node that receives it, with one operation. */
  clear(): void;
  /** Returns the keys in the order in which their rows appeared. */
  keys(): IterableIterator<K>;
}

/**
 * A map table has values: it is a Map whose content is the same on every node that declares it. `W` is what may be
 * written: with a schema, what that takes in.
 */
export interface MapTable<K = unknown, V = unknown, W = V> extends Table<K, V> {
  /** Returns the value of a key; for an absent one the declaration's default, or undefined. */
  get(key: K): V | undefined;
  /** Writes a value, also when it equals the present one. Throws `VALUE_INVALID` for one of another type. */
  set(key: K, value: W): this;
  /**
   * Adds to a number and returns the result; an absent key counts from the default, or 0. In mode
   * `automerge` whole numbers up to 2^53 - 1 add up, also when several nodes add at the same time. Otherwise this
   * reads, adds and writes: of two nodes that do so at once, one loses.
   */
  increment(key: K, by?: number | bigint): V;
  /** Returns the values in the order in which their rows appeared. */
  values(): IterableIterator<V>;
  /** Returns the rows in the order in which they appeared. */
  entries(): IterableIterator<[K, V]>;
  /** Does the same as `entries()`. */
  [Symbol.iterator](): IterableIterator<[K, V]>;
  /** Calls a function once per row, as `Map.prototype.forEach` does. */
  forEach(visit: (value: V, key: K, table: this) => void, thisArg?: unknown): void;
}

/** A set table has no values: it is a Set whose content is the same on every node that declares it. */
export interface SetTable<K = unknown> extends Table<K, undefined> {
  /** Adds a key, also when it is there already. */
  add(key: K): this;
  /** Does the same as `keys()`. */
  values(): IterableIterator<K>;
  /** Returns each key twice, as a Set does. */
  entries(): IterableIterator<[K, K]>;
  /** Does the same as `keys()`. */
  [Symbol.iterator](): IterableIterator<K>;
  /** Calls a function once per key, as `Set.prototype.forEach` does. */
  forEach(visit: (value: K, key: K, table: this) => void, thisArg?: unknown): void;
}

/** A kind of tables stands on the right of `instanceof`; tables are made by a node, and by nobody else. */
export interface TableKind<T> {
  /** Returns whether a value is a table of this kind. */
  [Symbol.hasInstance](value: unknown): value is T;
}

/** Holds for every table: `x instanceof Table`. */
export const Table: TableKind<Table> = ReplicatedTable as unknown as TableKind<Table>;
/** Holds for tables with values. */
export const MapTable: TableKind<MapTable> = ReplicatedMap as unknown as TableKind<MapTable>;
/** Holds for tables without values. */
export const SetTable: TableKind<SetTable> = ReplicatedSet as unknown as TableKind<SetTable>;

/** Makes the table over a projection: a set where its declaration has no value. */
export function tableOver(parts: TableParts): Table {
  return parts.projection.schema.isSet ? new ReplicatedSet(parts) : new ReplicatedMap(parts);
}
