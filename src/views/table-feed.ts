import type { Subscription } from 'rxjs';
import { TablecastError } from '../errors.ts';
import type { Projection } from '../projection/projection.ts';
import type { RowsWatch } from '../projection/rows/rows-watch.ts';
import { optionInvalid } from './failure.ts';

/** Bounds the views of one table, joins that read it included. */
const MAX_VIEWS = 1024;

/** A reader is a view as the table that it reads sees it. */
export interface FeedReader {
  /** Looks again at the rows in slots; fails by itself, and throws nothing. */
  take(slots: readonly number[]): void;
  renumber(numbers: Int32Array): void;
  /** Tells its subscribers, now that everything of one moment stands. */
  tell(): void;
  /** The table has ended. */
  complete(): void;
}

const INITIAL_SLOTS = 64;

const feeds = new WeakMap<Projection, TableFeed>();

/** Returns the feed of a table, the same for all its views. */
export function feedOf(projection: Projection): TableFeed {
  const known = feeds.get(projection);
  if (known !== undefined) return known;
  const feed = new TableFeed(projection);
  feeds.set(projection, feed);
  return feed;
}

/**
 * Keeps for all views of one table which slots were touched since they looked last, and lets them tell when the table
 * does. A write only notes its slot; who reads a view, or is told of it, lets all look.
 */
export class TableFeed implements RowsWatch {
  readonly projection: Projection;
  readonly #readers = new Set<FeedReader>();
  readonly #observers = new Set<FeedReader>();
  #touched: number[] = [];
  /** Per slot whether it is among them. */
  #isTouched = new Uint8Array(INITIAL_SLOTS);
  #settling = false;
  /** Counts what was touched while the functions of views were asked: they must not write. */
  writesWhileSettling = 0;
  #changes: Subscription | undefined;

  constructor(projection: Projection) {
    this.projection = projection;
  }

  // What the rows say ----------------------------------------------------------------------------------------

  touched(slot: number): void {
    if (this.#settling) this.writesWhileSettling++;
    if (slot >= this.#isTouched.length) this.#grow(slot);
    else if (this.#isTouched[slot] === 1) return;
    this.#isTouched[slot] = 1;
    this.#touched.push(slot);
  }

  #grow(slot: number): void {
    const larger = new Uint8Array(2 * slot);
    larger.set(this.#isTouched);
    this.#isTouched = larger;
  }

  renumbered(numbers: Int32Array): void {
    for (const reader of this.#readers) reader.renumber(numbers);
  }

  takenBack(): void {
    if (this.#observers.size > 0) this.projection.reporter.inTurn(() => this.#tell());
  }

  // What views ask -------------------------------------------------------------------------------------------

  /** Throws `LIMIT_EXCEEDED`. */
  enter(reader: FeedReader): void {
    const { name } = this.projection.schema;
    if (this.#readers.size >= MAX_VIEWS)
      throw new TablecastError('LIMIT_EXCEEDED', `Table ${name} would have more than ${MAX_VIEWS} views.`, {
        hint: 'Close views that are not read any more: is one opened again and again?',
        details: { table: name, limit: MAX_VIEWS },
      });
    this.#readers.add(reader);
    this.projection.rows.watch = this;
  }

  leave(reader: FeedReader): void {
    this.unobserve(reader);
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.projection.rows.watch = undefined;
    this.#forgetTouched();
  }

  /** From now on a reader tells whenever the table does. */
  observe(reader: FeedReader): void {
    this.#observers.add(reader);
    if (this.#changes?.closed === false) return;
    this.#changes = this.projection.reporter.changes.observable.subscribe({
      next: () => this.#tell(),
      complete: () => {
        for (const each of Array.from(this.#readers)) each.complete();
      },
    });
  }

  unobserve(reader: FeedReader): void {
    this.#observers.delete(reader);
    if (this.#observers.size > 0) return;
    this.#changes?.unsubscribe();
    this.#changes = undefined;
  }

  /** Lets all views look at what was touched. Throws `OPTION_INVALID` when a function of a view asks. */
  settle(): void {
    if (this.#settling) throw readInside(this.projection.schema.name);
    if (this.#touched.length === 0) return;
    const slots = this.#forgetTouched();
    this.asking(() => {
      for (const reader of Array.from(this.#readers)) reader.take(slots);
    });
  }

  #forgetTouched(): number[] {
    const slots = this.#touched;
    this.#touched = [];
    for (const slot of slots) this.#isTouched[slot] = 0;
    return slots;
  }

  /** Does what asks the functions of views. */
  asking(act: () => void): void {
    const inside = this.#settling;
    this.#settling = true;
    try {
      act();
    } finally {
      this.#settling = inside;
    }
  }

  #tell(): void {
    this.settle();
    for (const observer of Array.from(this.#observers)) observer.tell();
  }
}

function readInside(table: string): TablecastError {
  return optionInvalid(
    `A function of a view reads a view of table ${table}.`,
    'The functions of a view are asked about one row, and may read no view of the same table.',
  );
}
