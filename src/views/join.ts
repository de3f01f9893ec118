import type { Reading } from '../schema/index.ts';
import { viewFailed } from './failure.ts';
import type { Source } from './evaluation.ts';
import type { ViewOpener } from './view-opener.ts';
import type { ViewRow } from './rows-of-views.ts';
import type { TableFeed } from './table-feed.ts';
import { TableSource } from './table-source.ts';

/** A joined value is that of a row, with the row of the other table that it names. */
export interface Joined<V, Other> {
  readonly left: V;
  readonly right: Other;
}

/** The options say which row of the other table belongs to a row of this one. */
export interface JoinOptions<K, V, OtherKey> {
  /** Gives the key in the other table; undefined for none. Asked as the functions of a view are. */
  readonly on: (row: ViewRow<K, V>) => OtherKey | undefined;
  /** Keeps rows to which none belongs: their `right` is undefined. By default they are left out. */
  readonly optional?: boolean | undefined;
}

/** A join is two tables to be viewed as one: each row of the left, with the row of the right that it names. */
export interface Join<K, V> {
  /** Opens a view of the joined rows: see {@link Table.view}. */
  readonly view: ViewOpener<K, V>;
}

/** One of the two tables of a join, as the program reads it. */
export interface JoinedTable {
  readonly feed: TableFeed;
  readonly reading: Reading;
}

/** The parts are what a join is made of. */
export interface JoinParts {
  readonly left: JoinedTable;
  readonly right: JoinedTable;
  readonly on: (row: ViewRow) => unknown;
  readonly isOptional: boolean;
}

/** The rows of the left table with those of the right, for one view: it knows which rows of the left name which key. */
export class JoinSource implements Source {
  readonly feeds: readonly TableFeed[];
  readonly #left: TableSource;
  readonly #right: TableSource;
  readonly #parts: JoinParts;
  /** Per slot of the left the canonical text that it names, and per text the slots that name it. */
  readonly #named = new Map<number, string>();
  readonly #naming = new Map<string, Set<number>>();

  constructor(parts: JoinParts) {
    this.#parts = parts;
    const { left, right } = parts;
    this.#left = new TableSource(left.feed, left.reading);
    this.#right = new TableSource(right.feed, right.reading);
    this.feeds = left.feed === right.feed ? [left.feed] : [left.feed, right.feed];
  }

  get table(): string {
    return `${this.#left.table} and ${this.#right.table}`;
  }

  row(slot: number): ViewRow | undefined {
    const row = this.#left.row(slot);
    const text = row === undefined ? undefined : this.#textNamed(row);
    this.#note(slot, text);
    if (row === undefined) return undefined;
    const right = text === undefined ? undefined : this.#right.rowOf(text);
    if (right === undefined && !this.#parts.isOptional) return undefined;
    return { key: row.key, value: { left: row.value, right } };
  }

  #textNamed(row: ViewRow): string | undefined {
    try {
      const key = this.#parts.on(row);
      return key === undefined ? undefined : this.#parts.right.feed.projection.schema.keyText(key);
    } catch (error) {
      throw viewFailed({ table: this.table, what: 'on', key: row.key }, error);
    }
  }

  #note(slot: number, text: string | undefined): void {
    const before = this.#named.get(slot);
    if (before === text) return;
    if (before !== undefined) {
      const slots = this.#naming.get(before);
      slots?.delete(slot);
      if (slots?.size === 0) this.#naming.delete(before);
      this.#named.delete(slot);
    }
    if (text === undefined) return;
    this.#named.set(slot, text);
    const slots = this.#naming.get(text);
    if (slots === undefined) this.#naming.set(text, new Set([slot]));
    else slots.add(slot);
  }

  text(slot: number): string {
    return this.#left.text(slot);
  }

  slotOf(key: unknown): number | undefined {
    return this.#left.slotOf(key);
  }

  slots(): Iterable<number> {
    return this.#left.slots();
  }

  affected(feed: TableFeed, slots: readonly number[]): Iterable<number> {
    const affected = new Set<number>(feed === this.#parts.left.feed ? slots : []);
    if (feed !== this.#parts.right.feed) return affected;
    for (const slot of slots)
      for (const naming of this.#naming.get(feed.projection.rows.text(slot)) ?? []) affected.add(naming);
    return affected;
  }

  renumber(feed: TableFeed, numbers: Int32Array): void {
    if (feed !== this.#parts.left.feed) return;
    const named = [...this.#named];
    this.#named.clear();
    this.#naming.clear();
    for (const [slot, text] of named) this.#note(numbers[slot] as number, text);
  }
}
