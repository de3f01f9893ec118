import type { Functions } from './functions.ts';
import type { Entry, Stage, ViewRow } from './rows-of-views.ts';
import type { TableFeed } from './table-feed.ts';

/** The source is what a view reads: a table, or a join. */
export interface Source {
  readonly table: string;
  readonly feeds: readonly TableFeed[];
  /** The row in a slot as it is now. */
  row(slot: number): ViewRow | undefined;
  /** The canonical text of the key of a slot. */
  text(slot: number): string;
  /** The slot of a key that has a row. Throws `KEY_INVALID`. */
  slotOf(key: unknown): number | undefined;
  /** All slots that have a row. */
  slots(): Iterable<number>;
  /** The slots whose rows may be another when those of a feed's table are. */
  affected(feed: TableFeed, slots: readonly number[]): Iterable<number>;
  /** Slots of a feed's table have other numbers now. */
  renumber(feed: TableFeed, numbers: Int32Array): void;
}

const NONE: readonly never[] = [];

/** Asks the functions of a view about rows as they are now, and hands on what is another than before. */
export class Evaluation {
  readonly #source: Source;
  readonly #functions: Functions;
  readonly #stage: Stage;
  /** Says whether rows themselves are ordered, and not their groups. */
  readonly #isOrdered: boolean;

  constructor(
    source: Source,
    functions: Functions,
    on: { readonly stage: Stage; readonly isOrdered: boolean },
  ) {
    this.#source = source;
    this.#functions = functions;
    this.#stage = on.stage;
    this.#isOrdered = on.isOrdered;
  }

  /** Throws `VIEW_FAILED`: what was handed on until then is of no use. */
  take(slots: Iterable<number>): void {
    const stage = this.#stage;
    for (const slot of slots) {
      const before = stage.find(slot);
      const row = this.#source.row(slot);
      const after = row === undefined ? undefined : this.#entryOf(slot, row, before);
      if (before !== after) stage.replace(before, after);
    }
    stage.flush();
  }

  /** Slots of a feed's table have other numbers now. */
  renumber(feed: TableFeed, numbers: Int32Array): void {
    this.#source.renumber(feed, numbers);
    if (feed === this.#source.feeds[0]) this.#stage.renumber(numbers);
  }

  #entryOf(id: number, row: ViewRow, before: Entry | undefined): Entry | undefined {
    const { where, map, groupBy, columns } = this.#functions;
    if (where !== undefined && !where(row)) return undefined;
    const shown = map === undefined ? row : { key: row.key, value: map(row) };
    if (before !== undefined && Object.is(before.row.value, shown.value)) return before;
    return {
      id,
      row: shown,
      order: this.#isOrdered ? orderIn(this.#functions, shown, this.#source.text(id)) : NONE,
      group: groupBy?.(shown),
      inputs: columns === undefined ? NONE : columns.map(({ input }) => input(shown)),
    };
  }
}

/** Returns what a row is ordered by; `text` is its key's, which tells those apart that are alike. */
export function orderIn({ orderBy }: Functions, row: ViewRow, text: string): Entry['order'] {
  return [...orderBy.map(({ by }) => by(row)), text];
}
