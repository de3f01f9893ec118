import { viewFailed } from './failure.ts';
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
  /** All slots that have a row. */
  slots(): Iterable<number>;
  /** The slots whose rows may be another when those of a feed's table are. */
  affected(feed: TableFeed, slots: readonly number[]): Iterable<number>;
  /** Slots of a feed's table have other numbers now. */
  renumber(feed: TableFeed, numbers: Int32Array): void;
}

/** The functions of a view, asked about one row each. */
export interface Functions {
  readonly where: ((row: ViewRow) => unknown) | undefined;
  readonly map: ((row: ViewRow) => unknown) | undefined;
  /** Says what the stages behind need to know of a row that is in the view. */
  readonly describe: (row: ViewRow, text: () => string) => Pick<Entry, 'order' | 'group' | 'inputs'>;
}

/** A plain row is of no group, and in no order. */
const PLAIN: ReturnType<Functions['describe']> = { order: [], group: undefined, inputs: [] };
export const plain: Functions['describe'] = () => PLAIN;

/** Asks the functions of a view about rows as they are now, and hands on what is another than before. */
export class Evaluation {
  readonly #source: Source;
  readonly #functions: Functions;
  readonly #stage: Stage;

  constructor(source: Source, functions: Functions, stage: Stage) {
    this.#source = source;
    this.#functions = functions;
    this.#stage = stage;
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
    const { where, map, describe } = this.#functions;
    let what = 'where';
    try {
      if (where !== undefined && !isTrue(where(row))) return undefined;
      what = 'map';
      const shown = map === undefined ? row : { key: row.key, value: map(row) };
      if (before !== undefined && Object.is(before.row.value, shown.value)) return before;
      what = 'order, group or aggregate';
      const { order, group, inputs } = describe(shown, () => this.#source.text(id));
      return { id, row: shown, order, group, inputs };
    } catch (error) {
      throw viewFailed({ table: this.#source.table, what, key: row.key }, error);
    }
  }
}

function isTrue(answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer;
  throw new TypeError(`it gave ${answer instanceof Promise ? 'a promise' : String(answer)}, and no boolean.`);
}
