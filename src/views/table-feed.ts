import { TablecastError } from '../errors.ts';
import type { Projection } from '../projection/projection.ts';
import type { RowsWatch } from '../projection/rows/rows-watch.ts';

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
  /** Both are made anew when one comes or goes: who is being told is told by the list as it was. */
  #readers: readonly FeedReader[] = [];
  #observers: readonly FeedReader[] = [];
  /** Undefined when none was: most often one is, and a list of one is small. */
  #touched: number[] | undefined;
  /** Per slot whether it is among them. */
  #isTouched = new Uint8Array(INITIAL_SLOTS);
  #settling = false;
  /** Counts what was touched while the functions of views were asked: they must not write. */
  writesWhileSettling = 0;
  /** A function of a view wrote, so that the table told while views looked: they tell when they are done. */
  #isTellingDue = false;
  #stop: (() => void) | undefined;

  constructor(projection: Projection) {
    this.projection = projection;
  }

  // What the rows say ----------------------------------------------------------------------------------------

  touched(slot: number): void {
    if (this.#settling) this.writesWhileSettling++;
    if (slot >= this.#isTouched.length) this.#grow(slot);
    else if (this.#isTouched[slot] === 1) return;
    this.#isTouched[slot] = 1;
    if (this.#touched === undefined) this.#touched = [slot];
    else this.#touched.push(slot);
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
    if (this.#observers.length > 0) this.projection.reporter.inTurn(() => this.#tell());
  }

  // What views ask -------------------------------------------------------------------------------------------

  /** Throws `LIMIT_EXCEEDED`. */
  enter(reader: FeedReader): void {
    const { name } = this.projection.schema;
    if (this.#readers.length >= MAX_VIEWS)
      throw new TablecastError('LIMIT_EXCEEDED', `Table ${name} would have more than ${MAX_VIEWS} views.`, {
        hint: 'Close views that are not read any more: is one opened again and again?',
        details: { table: name, limit: MAX_VIEWS },
      });
    this.#readers = [...this.#readers, reader];
    this.projection.rows.watch = this;
  }

  leave(reader: FeedReader): void {
    this.unobserve(reader);
    this.#readers = this.#readers.filter((each) => each !== reader);
    if (this.#readers.length > 0) return;
    this.projection.rows.watch = undefined;
    this.#forgetTouched();
  }

  /** From now on a reader tells whenever the table does. */
  observe(reader: FeedReader): void {
    this.#observers = [...this.#observers, reader];
    this.#stop ??= this.projection.reporter.changes.listen({
      next: () => this.#tell(),
      complete: () => {
        for (const each of this.#readers) each.complete();
      },
    });
  }

  unobserve(reader: FeedReader): void {
    if (!this.#observers.includes(reader)) return;
    this.#observers = this.#observers.filter((each) => each !== reader);
    if (this.#observers.length > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  /** Lets all views look at what was touched. Throws `OPTION_INVALID` when a function of a view asks. */
  settle(): void {
    if (this.#settling) throw readInside(this.projection.schema.name);
    const slots = this.#forgetTouched();
    if (slots === undefined) return;
    this.#settling = true;
    try {
      for (const reader of this.#readers) reader.take(slots);
    } finally {
      this.#settled();
    }
  }

  #forgetTouched(): readonly number[] | undefined {
    const slots = this.#touched;
    if (slots === undefined) return undefined;
    this.#touched = undefined;
    for (const slot of slots) this.#isTouched[slot] = 0;
    return slots;
  }

  /** Does what asks the functions of a view outside of {@link settle}. */
  asking(act: () => void): void {
    if (this.#settling) return act();
    this.#settling = true;
    try {
      act();
    } finally {
      this.#settled();
    }
  }

  #settled(): void {
    this.#settling = false;
    if (!this.#isTellingDue) return;
    this.#isTellingDue = false;
    this.projection.reporter.inTurn(() => this.#tell());
  }

  #tell(): void {
    if (this.#settling) {
      this.#isTellingDue = true;
      return;
    }
    this.settle();
    for (const observer of this.#observers) observer.tell();
  }
}

function readInside(table: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `A function of a view reads a view of table ${table}.`, {
    hint: 'The functions of a view are asked about one row, and may read no view of the same table.',
    details: { table },
  });
}
