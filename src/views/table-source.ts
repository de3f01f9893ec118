import { type Reading, readRow } from '../schema/index.ts';
import type { Source } from './evaluation.ts';
import type { ViewRow } from './rows-of-views.ts';
import type { TableFeed } from './table-feed.ts';

/** The rows of a table, for views of it. */
export class TableSource implements Source {
  readonly #feed: TableFeed;
  readonly #reading: Reading;
  readonly feeds: readonly TableFeed[];

  constructor(feed: TableFeed, reading: Reading) {
    this.#feed = feed;
    this.#reading = reading;
    this.feeds = [feed];
  }

  get table(): string {
    return this.#feed.projection.schema.name;
  }

  row(slot: number): ViewRow | undefined {
    const { rows } = this.#feed.projection;
    return rows.has(slot)
      ? readRow({ key: rows.key(slot), value: rows.value(slot) }, this.#reading)
      : undefined;
  }

  text(slot: number): string {
    return this.#feed.projection.rows.text(slot);
  }

  slotOf(key: unknown): number | undefined {
    const { rows, schema } = this.#feed.projection;
    return rows.find(schema.keyText(key));
  }

  /** The row under the canonical text of a key. */
  rowOf(text: string): ViewRow | undefined {
    const slot = this.#feed.projection.rows.find(text);
    return slot === undefined ? undefined : this.row(slot);
  }

  slots(): Iterable<number> {
    return this.#feed.projection.rows.live();
  }

  affected(_feed: TableFeed, slots: readonly number[]): Iterable<number> {
    return slots;
  }

  renumber(): void {
    // Nothing is kept by slot here.
  }
}
