import type { Subscriber } from 'rxjs';
import { Observable } from 'rxjs/internal/Observable';
import type { Difference, Entry } from './rows-of-views.ts';

/** One step of a row, not told yet. */
interface Noted {
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

/** A place is where a subscriber stands: it has seen what was noted before `from`. */
interface Place {
  readonly subscriber: Subscriber<readonly Difference[]>;
  from: number;
}

/** The owner is who notes what happens while somebody wants to be told. */
interface Owner {
  /** Brings the view up to date, for one who reads it now and is told what comes next. */
  settle(): void;
  observed(): void;
  unobserved(): void;
}

/**
 * The differences of one view: noted when it is brought up to date, told when the table tells. A subscriber is told
 * what leads on from what it can read when it comes.
 */
export class Differences {
  readonly #owner: Owner;
  readonly #places = new Set<Place>();
  #noted: Noted[] = [];
  #ended: { readonly error: unknown } | 'complete' | undefined;
  readonly observable: Observable<readonly Difference[]> = new Observable((subscriber) =>
    this.#enter(subscriber),
  );

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  get observed(): boolean {
    return this.#places.size > 0;
  }

  note(before: Entry | undefined, after: Entry | undefined): void {
    this.#noted.push({ before, after });
  }

  /** Tells what was noted, of each row what is another than before. */
  tell(): void {
    if (this.#noted.length === 0) return;
    const noted = this.#noted;
    this.#noted = [];
    const all = net(noted);
    for (const place of Array.from(this.#places)) {
      const differences = place.from === 0 ? all : net(noted.slice(place.from));
      place.from = 0;
      if (differences.length > 0) place.subscriber.next(differences);
    }
  }

  end(error?: { readonly error: unknown }): void {
    if (this.#ended !== undefined) return;
    this.#ended = error ?? 'complete';
    this.#noted = [];
    for (const { subscriber } of Array.from(this.#places)) this.#end(subscriber);
  }

  #end(subscriber: Subscriber<unknown>): void {
    if (typeof this.#ended === 'object') subscriber.error(this.#ended.error);
    else subscriber.complete();
  }

  #enter(subscriber: Subscriber<readonly Difference[]>): void {
    if (this.#ended === undefined) this.#owner.settle();
    if (this.#ended !== undefined) return this.#end(subscriber);
    const place = { subscriber, from: this.#noted.length };
    this.#places.add(place);
    if (this.#places.size === 1) this.#owner.observed();
    subscriber.add(() => {
      this.#places.delete(place);
      if (this.#places.size > 0) return;
      this.#noted = [];
      this.#owner.unobserved();
    });
  }
}

/** Returns the way from before the first step to after the last, one difference a row. */
function net(noted: readonly Noted[]): Difference[] {
  if (noted.length === 1) return differenceOf(noted[0] as Noted);
  const rows = new Map<unknown, Noted>();
  for (const { before, after } of noted) {
    const { id } = (before ?? after) as Entry;
    const first = rows.get(id);
    rows.set(id, first === undefined ? { before, after } : { before: first.before, after });
  }
  return [...rows.values()].flatMap(differenceOf);
}

function differenceOf({ before, after }: Noted): Difference[] {
  const previous = before?.row.value;
  const value = after?.row.value;
  if (after === undefined)
    return before === undefined ? [] : [{ kind: 'removed', key: before.row.key, value, previous }];
  if (before === undefined) return [{ kind: 'new', key: after.row.key, value, previous }];
  return Object.is(value, previous) ? [] : [{ kind: 'changed', key: after.row.key, value, previous }];
}
