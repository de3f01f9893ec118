import type { Observable } from 'rxjs';
import { TablecastError, isTablecastError } from '../errors.ts';
import type { Change, Conflict } from '../projection/telling/change.ts';
import type { RowSide } from '../projection/comparing/digest.ts';
import type { Projection } from '../projection/projection.ts';
import type { RepairOptions } from './repair.ts';
import type { Divergence } from '../replication/digests/divergence.ts';
import type { Key, TableDeclaration, TypeName, Value } from '../schema/index.ts';
import { openView } from '../views/open-view.ts';
import type { ViewOptions } from '../views/options.ts';
import type { View } from '../views/view.ts';

/** A form is what a table gives back for a type, in JavaScript. */
export type Form<T extends TypeName> = T extends 'bool'
  ? boolean
  : T extends 'count' | 'int'
    ? number | bigint
    : T extends 'double'
      ? number
      : T extends 'time' | 'interval'
        ? bigint
        : T extends 'record' | 'set' | 'vector' | 'table' | 'any'
          ? unknown
          : string;

/** The JavaScript forms of several columns: a mapped tuple, which only a type parameter of its own gives. */
type ColumnForms<Columns extends readonly TypeName[]> = {
  readonly [Index in keyof Columns]: Form<Columns[Index]>;
};

/** Is the JavaScript form of the keys of a declaration. */
export type KeyOf<D extends TableDeclaration> = D['key'] extends infer Columns extends readonly TypeName[]
  ? ColumnForms<Columns>
  : D['key'] extends TypeName
    ? Form<D['key']>
    : Key;

/** Is the JavaScript form of the values of a declaration; never for a set. */
export type ValueOf<D extends TableDeclaration> = D['value'] extends TypeName ? Form<D['value']> : never;

/** Is a table or a set, by its declaration. */
export type TableOf<D extends TableDeclaration> = D['value'] extends TypeName
  ? MapTable<KeyOf<D>, ValueOf<D>>
  : SetTable<KeyOf<D>>;

/** The parts are what a table needs of its node beside the projection. */
export interface TableParts {
  readonly projection: Projection;
  readonly synced: Observable<boolean>;
  readonly divergence: Observable<readonly Divergence[]>;
  /** The same stream, its subscribers counted under its name. */
  readonly counted: <T>(stream: string, source: Observable<T>) => Observable<T>;
  readonly repair: (options: RepairOptions) => Promise<number>;
  readonly switchMode: (mode: 'naive' | 'lww' | 'automerge') => Promise<void>;
  /** Closes what was written so far, so that it stands in the table's document; inside a batch it does nothing. */
  readonly seal: () => void;
}

/** A concurrent value is one of those that stand under a key. */
export interface ConcurrentValue<V = unknown> {
  /** Is undefined for sets. */
  readonly value: V | undefined;
  /** Names the life that wrote it, `nodeId@epoch`; of a counter the latest that added to it. */
  readonly origin: string;
  /** Is true of the one that the table shows. */
  readonly winner: boolean;
}

/** A diverged key is one on which this node and a peer differ; a side is undefined where there is no row. */
export interface DivergedKey<K = unknown, V = unknown> {
  readonly key: K;
  readonly peer: string;
  readonly here: RowSide<V> | undefined;
  readonly there: RowSide<V> | undefined;
}

/**
 * A table has these members as map and as set. Reading never waits; a write is applied before the call
 * returns, stands in the log, and reaches the other nodes when it is durable.
 *
 * Every method that takes a key throws `KEY_INVALID` for one that the declaration does not allow, and every
 * write `CLOSED` after the node was closed, or the reason why the backend takes no writes.
 */
export class Table<K = unknown, V = unknown> {
  /** @internal */
  protected readonly projection: Projection;
  readonly name: string;
  /** Is the declaration with its defaults filled in. */
  readonly declaration: Readonly<TableDeclaration>;
  /**
   * Tells each row's changes, wherever they were written, once, in the order of this node's log. In mode
   * `automerge` a row may come to show an earlier write again; its change names that write, at its earlier
   * position.
   */
  readonly changes: Observable<Change<K, V>>;
  /** Tells of writes of others that took effect on a row their author had not seen. */
  readonly conflicts: Observable<Conflict<K, V>>;
  /** Says whether every connected peer's rows are here; replays its present value. */
  readonly synced: Observable<boolean>;

  /**
   * Lists the keys on which this node and a connected peer differ although both hold the same operations, as
   * of the last time the table was at rest; replays the present list. At most 65,536 per peer.
   */
  readonly divergence: Observable<readonly DivergedKey<K, V>[]>;
  readonly #repair: (options: RepairOptions) => Promise<number>;
  readonly #switchMode: TableParts['switchMode'];
  readonly #seal: () => void;
  readonly #counted: TableParts['counted'];

  /** @internal */
  constructor({ projection, synced, divergence, counted, repair, switchMode, seal }: TableParts) {
    this.#switchMode = switchMode;
    this.#seal = seal;
    this.#counted = counted;
    this.projection = projection;
    const diverged = divergence as Observable<unknown> as Observable<readonly DivergedKey<K, V>[]>;
    this.divergence = counted('divergence', diverged);
    this.#repair = repair;
    this.name = projection.schema.name;
    this.declaration = projection.schema.declaration;
    const { changes, conflicts } = projection.reporter;
    this.changes = counted('changes', changes.observable as Observable<unknown> as Observable<Change<K, V>>);
    const unseen = conflicts.observable as Observable<unknown> as Observable<Conflict<K, V>>;
    this.conflicts = counted('conflicts', unseen);
    this.synced = counted('synced', synced);
  }

  /** Is the conflict mode in force. */
  get mode(): 'naive' | 'lww' | 'automerge' {
    return this.projection.mode.name;
  }

  /** Counts the rows. */
  get size(): number {
    return this.projection.rows.size;
  }

  /** Returns whether a key has a row. */
  has(key: K): boolean {
    return this.find(key) !== undefined;
  }

  /** Removes a row and tells whether there was one. The operation is written either way: another node may have it. */
  delete(key: K): boolean {
    return this.projection.delete(this.slot(key));
  }

  /**
   * Makes the cluster equal by ordinary operations: for each key on which this node and a connected
   * peer differ, this node writes what the node `from` has (its own id: what it has itself), or
   * removes the key. Resolves with the number of keys; with `dryRun` nothing is written, and it is the number that
   * would be. Throws `PEER_UNREACHABLE` when `from` cannot
   * be compared with; nothing is changed then.
   */
  repair(options: RepairOptions): Promise<number> {
    return this.#repair(options);
  }

  /**
   * Switches the conflict mode for the whole cluster, with one operation: the rows as they are on
   * this node are what everybody goes on from. What others wrote without knowing of the switch they
   * write again under the new mode; rows that differed elsewhere are reported on their `conflicts`. Of
   * two switches at once the same one stands everywhere. Resolves when the switch is durable here.
   *
   * Throws `DECLARATION_INVALID` for a mode this version does not have, `OPTION_INVALID` in a batch.
   */
  switchMode(mode: 'naive' | 'lww' | 'automerge'): Promise<void> {
    return this.#switchMode(mode);
  }

  /**
   * Returns every value that stands under a key, the one that the table shows first. In mode `automerge`
   * there are several after concurrent writes, until somebody who has seen them writes the key again; in
   * other modes there is one at most, because they keep no other.
   */
  conflictsOf(key: K): readonly ConcurrentValue<V>[] {
    this.#seal();
    const slot = this.find(key);
    return slot === undefined ? [] : (this.projection.valuesIn(slot) as readonly ConcurrentValue<V>[]);
  }

  /**
   * Returns the table as an Automerge document in the official library's format: a map from the canonical
   * text of each key to its value, with the history since the document was begun. It works only in mode
   * `automerge`, and takes about 10 µs per operation of the history, in one go.
   *
   * Throws `OPTION_INVALID` in another mode or without the library, `OPERATION_INVALID` for a document that
   * the library does not read.
   */
  exportAutomerge(): Uint8Array {
    this.#seal();
    const { documents } = this.projection;
    if (documents !== undefined) return documents.document.export();
    throw new TablecastError(
      'OPTION_INVALID',
      `Table ${this.name} is in mode ${this.mode}, without a document.`,
      {
        hint: "Call switchMode('automerge') first.",
        details: { table: this.name, mode: this.mode },
      },
    );
  }

  /**
   * Opens a view: rows of this table as the options ask for them, kept up to date until it is closed. It looks at
   * every row once, in one go.
   *
   * Throws `OPTION_INVALID` for what is no option, `VIEW_FAILED` when one of its functions throws, `LIMIT_EXCEEDED`
   * for more than 1,024 views of one table.
   */
  view<R = V>(options: ViewOptions<K, V, R> = {}): View<K, R> {
    return openView<K, V, R>(this.projection, options, { counted: this.#counted });
  }

  /** Removes every row, here and on every node that receives it, with one operation. */
  clear(): void {
    this.projection.clear();
  }

  /** Returns the keys in the order in which their rows appeared. */
  *keys(): IterableIterator<K> {
    for (const slot of this.projection.rows.live()) yield this.projection.rows.key(slot) as K;
  }

  /**
   * The slot of the row of a key, if there is a row.
   *
   * @internal
   */
  protected find(key: unknown): number | undefined {
    const { schema, rows } = this.projection;
    // A canonical text that has a slot needs no check; anything else does.
    const known = schema.textKeys ? rows.known(key as string) : undefined;
    if (known !== undefined) return rows.has(known) ? known : undefined;
    return rows.find(schema.keyText(key));
  }

  /**
   * The slot of a key, with or without a row.
   *
   * @internal
   */
  protected slot(key: unknown): number {
    const { schema, rows } = this.projection;
    if (!schema.textKeys) return rows.slotOf(schema.keyText(key));
    const known = rows.known(key as string);
    if (known !== undefined) return known;
    const text = schema.keyText(key);
    // A text that is canonical as it was given is known to have no slot.
    return text === key ? rows.newSlot(text) : rows.slotOf(text);
  }
}

/** A map table has values: it is a Map whose content is the same on every node that declares it. */
export class MapTable<K = unknown, V = unknown> extends Table<K, V> {
  /** Returns the value of a key; for an absent one the declaration's default, or undefined. */
  get(key: K): V | undefined {
    const slot = this.find(key);
    if (slot === undefined) return this.projection.schema.defaultValue as V | undefined;
    return this.projection.rows.value(slot) as V;
  }

  /** Writes a value, also when it equals the present one. Throws `VALUE_INVALID` for one of another type. */
  set(key: K, value: V): this {
    const { projection } = this;
    const { schema, rows } = projection;
    const canonical =
      typeof value === 'number' && schema.column === 'double' ? value : this.#check(key, value);
    // A text that is known stands as it was given: what follows needs not look up how it was written.
    const known = schema.textKeys ? rows.known(key as string) : undefined;
    if (known === undefined) projection.set(this.slot(key), canonical);
    else projection.set(known, canonical, undefined, key as Key);
    return this;
  }

  /**
   * Adds to a number and returns the result; an absent key counts from the default, or 0. In mode
   * `automerge` whole numbers up to 2^53 - 1 add up, also when several nodes add at the same time. Otherwise this
   * reads, adds and writes: of two nodes that do so at once, one loses.
   */
  increment(key: K, by: number | bigint = 1): V {
    const { valueType } = this.projection.schema;
    if (valueType !== 'count' && valueType !== 'int' && valueType !== 'double') {
      throw new TablecastError(
        'VALUE_INVALID',
        `Table ${this.name} holds ${String(valueType)}, which cannot be added to.`,
        {
          hint: 'increment() is for values of type count, int and double.',
          details: { table: this.name, type: String(valueType) },
        },
      );
    }
    const present = (this.get(key) ?? 0) as unknown as number | bigint;
    const sum =
      valueType === 'double' ? Number(present) + Number(by) : BigInt(present) + toBigInt(by, this.name);
    const result = this.#check(key, sum);
    this.projection.increment(this.slot(key), by, result);
    return result as V;
  }

  /** Returns the values in the order in which their rows appeared. */
  *values(): IterableIterator<V> {
    for (const slot of this.projection.rows.live()) yield this.projection.rows.value(slot) as V;
  }

  /** Returns the rows in the order in which they appeared. */
  *entries(): IterableIterator<[K, V]> {
    const { rows } = this.projection;
    for (const slot of rows.live()) yield [rows.key(slot) as K, rows.value(slot) as V];
  }

  /** Does the same as `entries()`. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }

  /** Calls a function once per row, as `Map.prototype.forEach` does. */
  forEach(visit: (value: V, key: K, table: this) => void, thisArg?: unknown): void {
    for (const [key, value] of this.entries()) visit.call(thisArg, value, key, this);
  }

  #check(key: unknown, value: unknown): Value {
    try {
      return this.projection.schema.value(value);
    } catch (error) {
      if (!isTablecastError(error, 'VALUE_INVALID')) throw error;
      const shown = Array.isArray(key) ? key.map(String).join(', ') : String(key);
      throw new TablecastError('VALUE_INVALID', `${error.message} (key ${shown.slice(0, 100)})`, {
        hint: error.hint,
        details: { ...error.details, key: shown },
        cause: error,
      });
    }
  }
}

/** A set table has no values: it is a Set whose content is the same on every node that declares it. */
export class SetTable<K = unknown> extends Table<K, undefined> {
  /** Adds a key, also when it is there already. */
  add(key: K): this {
    this.projection.set(this.slot(key), undefined);
    return this;
  }

  /** Does the same as `keys()`. */
  values(): IterableIterator<K> {
    return this.keys();
  }

  /** Returns each key twice, as a Set does. */
  *entries(): IterableIterator<[K, K]> {
    for (const key of this.keys()) yield [key, key];
  }

  /** Does the same as `keys()`. */
  [Symbol.iterator](): IterableIterator<K> {
    return this.keys();
  }

  /** Calls a function once per key, as `Set.prototype.forEach` does. */
  forEach(visit: (value: K, key: K, table: this) => void, thisArg?: unknown): void {
    for (const key of this.keys()) visit.call(thisArg, key, key, this);
  }
}

function toBigInt(by: number | bigint, table: string): bigint {
  if (typeof by === 'bigint' || Number.isSafeInteger(by)) return BigInt(by);
  throw new TablecastError(
    'VALUE_INVALID',
    `${String(by)} cannot be added to the integers of table ${table}.`,
    {
      hint: 'Pass a whole number, or a bigint beyond 2^53.',
      details: { table },
    },
  );
}
