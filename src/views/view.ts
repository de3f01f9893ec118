import type { Observable } from 'rxjs';
import type { Stream } from '../work/stream.ts';
import { isTablecastError } from '../errors.ts';
import type { Contents } from './contents.ts';
import { Differences } from './differences.ts';
import type { Evaluation, Source } from './evaluation.ts';
import { viewClosed, writesInside } from './failure.ts';
import type { Difference, Entry, ViewRow } from './rows-of-views.ts';
import type { FeedReader, TableFeed } from './table-feed.ts';

/** The parts are what a view is put together of. */
export interface ViewParts {
  readonly source: Source;
  /** Makes the contents, which say what took another's place. */
  readonly contents: (replaced: (before: Entry | undefined, after: Entry | undefined) => void) => Contents;
  readonly evaluation: (contents: Contents) => Evaluation;
  /** Names the row of a key: see {@link Entry}. Throws for what can be no key. */
  readonly idOf: (key: unknown) => unknown;
  /** The same stream, its subscribers counted. */
  readonly counted: <T>(stream: string, source: Observable<T>) => Stream<T>;
}

/**
 * A view is a question about a table, or two, whose answer is kept up to date. Whenever it is read it equals the same
 * question asked anew: also in a batch, after a batch was taken back, and while subscribers are told of changes.
 *
 * Reading throws `VIEW_FAILED` once a function of the view has thrown, and `CLOSED` after {@link close}.
 */
export class View<K = unknown, V = unknown> {
  /**
   * Tells what became another, in arrays: one for each operation, batch or frame, after all of it took effect. A
   * subscriber is told what leads on from {@link snapshot} as it is when it subscribes. Fails with `VIEW_FAILED`;
   * completes when the view is closed, or its node.
   */
  readonly differences: Stream<readonly Difference<K, V>[]>;
  readonly #parts: ViewParts;
  readonly #contents: Contents;
  readonly #evaluation: Evaluation;
  readonly #differences: Differences;
  readonly #readers: readonly (readonly [TableFeed, FeedReader])[];
  #snapshot: readonly ViewRow[] | undefined;
  #ended: { readonly error: unknown } | undefined;

  /** @internal */
  constructor(parts: ViewParts) {
    this.#parts = parts;
    this.#differences = new Differences({
      settle: () => this.#settle(),
      observed: () => {
        for (const [feed, reader] of this.#readers) feed.observe(reader);
      },
      unobserved: () => {
        for (const [feed, reader] of this.#readers) feed.unobserve(reader);
      },
    });
    this.#contents = parts.contents((before, after) => this.#replaced(before, after));
    this.#evaluation = parts.evaluation(this.#contents);
    const told = this.#differences.observable as Observable<unknown>;
    this.differences = parts.counted('differences', told as Observable<readonly Difference<K, V>[]>);
    this.#readers = parts.source.feeds.map((feed) => [feed, this.#readerOf(feed)] as const);
    this.#open();
  }

  /** Holds the rows in order; the same array until one of them is another. */
  get snapshot(): readonly ViewRow<K, V>[] {
    this.#settle();
    this.#snapshot ??= Object.freeze(this.#contents.rows());
    return this.#snapshot as readonly ViewRow<K, V>[];
  }

  /** Counts the rows. */
  get size(): number {
    this.#settle();
    return this.#contents.size;
  }

  /** Returns the value under a key; undefined when the view has no such row. Throws `KEY_INVALID`. */
  get(key: K): V | undefined {
    this.#settle();
    return this.#contents.shown(this.#parts.idOf(key))?.row.value as V | undefined;
  }

  /** Returns the rows in order, as they are now. */
  [Symbol.iterator](): IterableIterator<ViewRow<K, V>> {
    return this.snapshot[Symbol.iterator]();
  }

  /** Ends the view: it costs writes nothing any more. Idempotent. */
  close(): void {
    this.#end({ error: viewClosed(this.#parts.source.table) });
    this.#differences.end();
  }

  #open(): void {
    const { source } = this.#parts;
    try {
      for (const [feed, reader] of this.#readers) feed.enter(reader);
      const feed = source.feeds[0] as TableFeed;
      feed.asking(() => this.#look(feed, source.slots()));
      if (this.#ended !== undefined) throw this.#ended.error;
    } catch (error) {
      this.#end({ error });
      throw error;
    }
  }

  #readerOf(feed: TableFeed): FeedReader {
    return {
      take: (slots) => {
        if (this.#ended === undefined) this.#look(feed, this.#parts.source.affected(feed, slots));
      },
      renumber: (numbers) => this.#evaluation.renumber(feed, numbers),
      tell: () => {
        this.#settleQuietly();
        this.#differences.tell();
      },
      complete: () => {
        this.#settleQuietly();
        this.#leave();
        this.#differences.end();
      },
    };
  }

  /** Asks the functions of the view about the rows in slots; what fails ends it. */
  #look(feed: TableFeed, slots: Iterable<number>): void {
    const writes = feed.writesWhileSettling;
    try {
      this.#evaluation.take(slots);
      if (feed.writesWhileSettling !== writes) throw writesInside(this.#parts.source.table);
    } catch (error) {
      this.#end({ error });
      this.#differences.end({ error });
    }
  }

  #settle(): void {
    for (const feed of this.#parts.source.feeds) if (this.#ended === undefined) feed.settle();
    if (this.#ended !== undefined) throw this.#ended.error;
  }

  /** Lets a failure reach subscribers by the stream, and nobody else. */
  #settleQuietly(): void {
    try {
      this.#settle();
    } catch (error) {
      if (!isTablecastError(error)) throw error;
    }
  }

  #replaced(before: Entry | undefined, after: Entry | undefined): void {
    this.#snapshot = undefined;
    if (this.#differences.observed) this.#differences.note(before, after);
  }

  #leave(): void {
    for (const [feed, reader] of this.#readers) feed.leave(reader);
  }

  #end(ended: { readonly error: unknown }): void {
    if (this.#ended !== undefined) return;
    this.#ended = ended;
    this.#snapshot = undefined;
    this.#leave();
  }
}
