import type { Observable } from 'rxjs';
import { Subscription } from 'rxjs/internal/Subscription';
import * as v from 'valibot';
import { TablecastError } from '../errors.ts';
import { anObject } from '../options/an-object.ts';
import { checkedOptions } from '../options/checked-options.ts';
import type { Operation } from '../log/operations/operation.ts';

/** Bounds the values that wait for a reader unless it says otherwise. */
const DEFAULT_LIMIT = 1024;
const MAX_LIMIT = 1_048_576;

/** An overflow policy says what becomes of the values that a reader is too slow for. */
export type Overflow = 'fail' | 'drop-oldest' | 'latest';

/** The options bound how far a reader may fall behind its stream. */
export interface FollowOptions<T> {
  /** Bounds how many values wait for the reader: from 1 to 1,048,576, by default 1,024. */
  readonly limit?: number | undefined;
  /**
   * Says what happens when one more comes.
   *
   * - `fail` (default): what waits is still given, then reading fails with `LIMIT_EXCEEDED`, whose
   *   `details.after` is the position to go on from: see {@link Log.follow}.
   * - `drop-oldest`: the value that has waited longest goes.
   * - `latest`: of each key only the latest change waits, in the place of the first; with more keys than
   *   `limit`, as `fail`. Only for changes and conflicts of a table.
   */
  readonly overflow?:
    | (T extends { readonly key: unknown; readonly operation: Operation }
        ? Overflow
        : Exclude<Overflow, 'latest'>)
    | undefined;
}

/** A follower reads a stream at its own pace, for `for await`; it can be read once. `return()` ends it at any time. */
export interface Follower<T> extends AsyncIterableIterator<T, undefined> {
  /** Counts the values that wait at present: never more than the limit. */
  readonly waiting: number;
  /** Counts the values left out so far, because they were the oldest, or not the latest of their key. */
  readonly skipped: number;
  /** Ends it: forgets what waits, and gives the end to a reader that waits for a value. */
  return(): Promise<IteratorResult<T, undefined>>;
}

/** {@link FollowOptions} as far as their form goes. */
export const followOptionsSchema = anObject({
  limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_LIMIT))),
  overflow: v.optional(v.picklist(['fail', 'drop-oldest', 'latest'])),
});

/**
 * Follows a stream from this call on, at the reader's own pace (pull): changes and conflicts of a table,
 * `node.events`, or any other. However slow the reader is, no more than `limit` values wait for it, and the
 * table and other subscribers go on. It ends when the stream does, and fails with its error, once the values
 * that wait were read.
 *
 * Throws `OPTION_INVALID` for other options than {@link FollowOptions} says.
 */
export function follow<T>(stream: Observable<T>, options: FollowOptions<T> = {}): Follower<T> {
  const { limit = DEFAULT_LIMIT, overflow = 'fail' } = checkedOptions(followOptionsSchema, options, {
    of: 'of follow()',
  });
  return new StreamFollower(stream, limit, overflow);
}

/** A reader waits for the next value. */
interface Reader<T> {
  resolve(this: void, result: IteratorResult<T, undefined>): void;
  reject(this: void, error: unknown): void;
}

class StreamFollower<T> implements Follower<T> {
  readonly #limit: number;
  readonly #overflow: Overflow;
  /** Holds what waits, in order: by key where only the latest of each counts, otherwise by number. */
  readonly #values = new Map<unknown, T>();
  /** Goes on behind what was taken: beginning anew each time would pass over all that was. */
  #next = this.#values.entries();
  #count = 0;
  #skipped = 0;
  #readers: Reader<T>[] = [];
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  readonly #subscription = new Subscription();

  constructor(stream: Observable<T>, limit: number, overflow: Overflow) {
    this.#limit = limit;
    this.#overflow = overflow;
    this.#subscription.add(
      stream.subscribe({
        next: (value) => this.#offer(value),
        error: (error: unknown) => this.#end({ error }),
        complete: () => this.#end(),
      }),
    );
  }

  get waiting(): number {
    return this.#values.size;
  }

  get skipped(): number {
    return this.#skipped;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#values.size > 0) return Promise.resolve({ done: false, value: this.#take() });
    if (!this.#ended) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    const failure = this.#failure;
    this.#failure = undefined;
    return failure === undefined ? Promise.resolve(END) : Promise.reject(failure.error);
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#values.clear();
    this.#failure = undefined;
    this.#end();
    return Promise.resolve(END);
  }

  #offer(value: T): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) return reader.resolve({ done: false, value });
    const place = this.#overflow === 'latest' ? keyOf(value) : this.#count++;
    if (place === undefined) return this.#end({ error: withoutKey() });
    const known = this.#values.has(place);
    if (known) this.#skipped++;
    else if (this.#values.size >= this.#limit) {
      if (this.#overflow !== 'drop-oldest') return this.#fail(value);
      this.#take();
      this.#skipped++;
    }
    this.#values.set(place, value);
  }

  #take(): T {
    let first = this.#next.next();
    if (first.done === true) {
      this.#next = this.#values.entries();
      first = this.#next.next();
    }
    const [place, value] = first.value as [unknown, T];
    this.#values.delete(place);
    return value;
  }

  /** Ends before a value for which there is no room. */
  #fail(value: T): void {
    const position = positionOf(value);
    if (position !== undefined) {
      // Going on from before an operation that makes many changes tells of all of them.
      for (const [place, waiting] of this.#values)
        if ((positionOf(waiting) ?? 0) >= position) this.#values.delete(place);
    }
    this.#end({ error: tooSlow(this.#limit, position) });
  }

  #end(failure?: { readonly error: unknown }): void {
    this.#subscription.unsubscribe();
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    for (const { resolve, reject } of this.#readers.splice(0)) this.next().then(resolve, reject);
  }
}

const END: { readonly done: true; readonly value: undefined } = { done: true, value: undefined };

/** Returns what a row's key is told apart by; undefined for what tells of no row. */
function keyOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('operation' in value)) return undefined;
  const { key } = value as { readonly key?: unknown };
  // Columns have one type each, so that texts and numbers of one form are not taken for each other.
  return Array.isArray(key) ? JSON.stringify(key.map(String)) : String(key);
}

/** Returns where in the log a value belongs; undefined for what stands in no log. */
function positionOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { operation, position } = value as { operation?: Operation; position?: number };
  return operation?.position ?? position;
}

function tooSlow(limit: number, position: number | undefined): TablecastError {
  const after = position === undefined ? undefined : position - 1;
  const first = after === undefined ? '' : `go on with node.log.follow({ after: ${after} }), `;
  return new TablecastError('LIMIT_EXCEEDED', `The reader of a stream is more than ${limit} values behind.`, {
    hint: `To lose nothing ${first}read faster, or ask for a larger limit or another overflow.`,
    details: { limit, after },
    retryable: true,
  });
}

function withoutKey(): TablecastError {
  return new TablecastError('OPTION_INVALID', "A stream cannot be followed with overflow 'latest'.", {
    hint: 'It is for changes and conflicts of a table, which have a key.',
    details: { option: 'overflow' },
  });
}
