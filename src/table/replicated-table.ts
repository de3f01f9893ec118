import type { Observable } from 'rxjs';
import type { Stream } from '../work/stream.ts';
import { TablecastError, isTablecastError } from '../errors.ts';
import type { Change, Conflict } from '../projection/telling/change.ts';
import type { Projection } from '../projection/projection.ts';
import type { DivergedKey, ConcurrentValue } from './forms.ts';
import type { RepairOptions } from './repair.ts';
import { EntryIterator, KeyIterator, MemberIterator, ValueIterator } from './row-iterator.ts';
import type { UndoOptions, UndoPlan } from './undo.ts';
import type { Divergence } from '../replication/digests/divergence.ts';
import { readChanges, readConcurrent, readConflicts, readDivergence } from './read-values.ts';
import {
  type Key,
  type PlainDeclaration,
  type Reading,
  type Value,
  readAs,
  readMembers,
  shownKey,
} from '../schema/index.ts';
import type { Join, JoinOptions } from '../views/join.ts';
import { joinOf, openView } from '../views/open-view.ts';
import type { AnyOptions } from '../views/options.ts';
import type { ViewOpener } from '../views/view-opener.ts';
import { feedOf } from '../views/table-feed.ts';
import { TableSource } from '../views/table-source.ts';

/** The parts are what a table needs of its node beside the projection. */
export interface TableParts {
  readonly projection: Projection;
  /** The way in which the program that declared the table reads it. */
  readonly reading: Reading;
  readonly synced: Observable<boolean>;
  readonly divergence: Observable<readonly Divergence[]>;
  /** The same stream, its subscribers counted under its name. */
  readonly counted: <T>(stream: string, source: Observable<T>) => Stream<T>;
  readonly repair: (options: RepairOptions) => Promise<number>;
  readonly planUndo: (options: UndoOptions) => Promise<UndoPlan>;
  readonly switchMode: (mode: 'naive' | 'lww' | 'automerge') => Promise<void>;
  /** Returns whether all who are connected understand a touch. */
  readonly understandTouches: () => boolean;
  /** Closes what was written so far, so that it stands in the table's document; inside a batch it does nothing. */
  readonly seal: () => void;
}

/** A replicated table is over a projection: the interfaces that users see, with what each member promises, are in `table.ts`. */
export class ReplicatedTable<K = unknown, V = unknown> {
  protected readonly projection: Projection;
  protected readonly reading: Reading;
  readonly name: string;
  readonly declaration: Readonly<PlainDeclaration>;
  readonly changes: Stream<Change<K, V>>;
  readonly conflicts: Stream<Conflict<K, V>>;
  readonly synced: Stream<boolean>;

  readonly divergence: Stream<readonly DivergedKey<K, V>[]>;
  readonly #repair: (options: RepairOptions) => Promise<number>;
  readonly #switchMode: TableParts['switchMode'];
  readonly #seal: () => void;
  readonly #understandTouches: () => boolean;
  readonly #planUndo: TableParts['planUndo'];
  readonly view: ViewOpener<K, V>;
  readonly #counted: TableParts['counted'];

  /** Returns how a program reads a table, for what hands it rows in its forms. */
  static readingOf(table: object): Reading {
    return (table as ReplicatedTable).reading;
  }

  constructor(parts: TableParts) {
    const { projection, reading, synced, divergence, counted, repair, switchMode, seal } = parts;
    this.#understandTouches = parts.understandTouches;
    this.#planUndo = parts.planUndo;
    this.reading = reading;
    this.#switchMode = switchMode;
    this.#seal = seal;
    this.#counted = counted;
    this.view = ((options?: AnyOptions) =>
      openView(new TableSource(feedOf(projection), reading), options, { counted })) as ViewOpener<K, V>;
    this.projection = projection;
    const diverged = readDivergence(divergence, reading);
    this.divergence = counted('divergence', diverged as Observable<readonly DivergedKey<K, V>[]>);
    this.#repair = repair;
    this.name = projection.schema.name;
    this.declaration = projection.schema.declaration;
    const { changes, conflicts } = projection.reporter;
    const told = readChanges(changes, reading) as Observable<unknown>;
    this.changes = counted('changes', told as Observable<Change<K, V>>);
    const unseen = readConflicts(conflicts.observable, reading) as Observable<unknown>;
    this.conflicts = counted('conflicts', unseen as Observable<Conflict<K, V>>);
    this.synced = counted('synced', synced);
  }

  get mode(): 'naive' | 'lww' | 'automerge' {
    return this.projection.inForce.mode.name;
  }

  get size(): number {
    return this.projection.rows.size;
  }

  has(key: K): boolean {
    return this.find(key) !== undefined;
  }

  delete(key: K): boolean {
    return this.projection.local.delete(this.slot(key));
  }

  touch(key: K): boolean {
    const { schema, rows, local } = this.projection;
    if (rows.touches === undefined) {
      throw new TablecastError(
        'OPTION_INVALID',
        `Table ${this.name} has no writeExpire: no row of it is to be prolonged.`,
        {
          hint: "Declare writeExpire, such as '1h', or write the value again.",
          details: { table: this.name, createExpire: schema.declaration.createExpire },
        },
      );
    }
    const slot = this.find(key);
    if (slot === undefined) return false;
    local.touch(slot, this.#understandTouches());
    return true;
  }

  async undo(options: UndoOptions): Promise<UndoPlan<K, V>> {
    const plan = await this.#planUndo(options);
    if (options.dryRun !== true) await plan.apply();
    const { key, value } = this.reading;
    // What was written is told also where this program cannot read it.
    const writes = plan.writes.map(({ kind, ...write }) => {
      const held = write.key as Key;
      return readMembers(
        { kind },
        { key: () => readAs(key, held), value: () => readAs(value, write.value as Value, held) },
      );
    });
    return { ...plan, writes: writes as unknown as UndoPlan<K, V>['writes'] };
  }

  repair(options: RepairOptions): Promise<number> {
    return this.#repair(options);
  }

  switchMode(mode: 'naive' | 'lww' | 'automerge'): Promise<void> {
    return this.#switchMode(mode);
  }

  conflictsOf(key: K): readonly ConcurrentValue<V>[] {
    this.#seal();
    const slot = this.find(key);
    if (slot === undefined) return [];
    const values = readConcurrent(
      this.projection.valuesIn(slot),
      this.projection.rows.key(slot),
      this.reading,
    );
    return values as readonly ConcurrentValue<V>[];
  }

  exportAutomerge(): Uint8Array {
    this.#seal();
    const { documents } = this.projection.inForce;
    if (documents !== undefined) return documents.document.history.export();
    throw new TablecastError(
      'OPTION_INVALID',
      `Table ${this.name} is in mode ${this.mode}, without a document.`,
      {
        hint: "Call switchMode('automerge') first.",
        details: { table: this.name, mode: this.mode },
      },
    );
  }

  join<K2>(other: unknown, options: JoinOptions<K, V, K2>): Join<K, never> {
    if (!(other instanceof ReplicatedTable)) {
      throw new TablecastError('OPTION_INVALID', `Table ${this.name} is joined with what is no table.`, {
        hint: 'Give a table of the same node: hosts.join(owners, { on: ({ key }) => key }).',
      });
    }
    const left = { feed: feedOf(this.projection), reading: this.reading };
    const right = { feed: feedOf(other.projection), reading: other.reading };
    return joinOf({ left, right }, options, { counted: this.#counted });
  }

  clear(): void {
    this.projection.local.clear();
  }

  keys(): IterableIterator<K> {
    return new KeyIterator(this.projection.rows, this.reading);
  }

  /**
   * The slot of the row of a key, if there is a row.
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

/** A replicated map is a table with values. */
export class ReplicatedMap<K = unknown, V = unknown> extends ReplicatedTable<K, V> {
  get(key: K): V | undefined {
    const slot = this.find(key);
    const { rows, schema } = this.projection;
    const held = slot === undefined ? schema.defaultValue : rows.value(slot);
    return readAs(this.reading.value, held, key as Key) as V | undefined;
  }

  set(key: K, value: V): this {
    const { projection } = this;
    const { schema, rows } = projection;
    const canonical =
      typeof value === 'number' && schema.column === 'double' ? value : this.#check(key, value);
    // A text that is known stands as it was given: what follows needs not look up how it was written.
    const known = schema.textKeys ? rows.known(key as string) : undefined;
    if (known === undefined) projection.local.set(this.slot(key), canonical);
    else projection.local.set(known, canonical, undefined, key as Key);
    return this;
  }

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
    this.projection.local.increment(this.slot(key), by, result);
    return readAs(this.reading.value, result, key as Key) as V;
  }

  values(): IterableIterator<V> {
    return new ValueIterator(this.projection.rows, this.reading);
  }

  entries(): IterableIterator<[K, V]> {
    return new EntryIterator(this.projection.rows, this.reading);
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }

  forEach(visit: (value: V, key: K, table: this) => void, thisArg?: unknown): void {
    const { rows } = this.projection;
    const { key, value } = this.reading;
    const slots = rows.live();
    for (let slot = slots.step(); slot >= 0; slot = slots.step()) {
      const held = rows.key(slot);
      visit.call(thisArg, readAs(value, rows.value(slot), held) as V, readAs(key, held) as K, this);
    }
  }

  #check(key: unknown, value: unknown): Value {
    try {
      const { validate, checkValue } = this.reading;
      const canonical = this.projection.schema.value(validate === undefined ? value : validate(value));
      checkValue?.(canonical);
      return canonical;
    } catch (error) {
      if (!isTablecastError(error, 'VALUE_INVALID')) throw error;
      const shown = shownKey(key);
      throw new TablecastError('VALUE_INVALID', `${error.message} (key ${shown})`, {
        hint: error.hint,
        details: { ...error.details, key: shown },
        cause: error,
      });
    }
  }
}

/** A replicated set is a table without values. */
export class ReplicatedSet<K = unknown> extends ReplicatedTable<K, undefined> {
  add(key: K): this {
    this.projection.local.set(this.slot(key), undefined);
    return this;
  }

  values(): IterableIterator<K> {
    return this.keys();
  }

  entries(): IterableIterator<[K, K]> {
    return new MemberIterator(this.projection.rows, this.reading);
  }

  [Symbol.iterator](): IterableIterator<K> {
    return this.keys();
  }

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
