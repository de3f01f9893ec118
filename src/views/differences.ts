import type { Subscriber } from 'rxjs';
import { Observable } from 'rxjs/internal/Observable';
import type { Difference, Entry } from './rows-of-views.ts';

/** Gives what stands for a row before a step or after it. */
type Step = Entry | undefined;

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
  /** Made anew when one comes or goes: who is being told is told by the list as it was. */
  #places: readonly Place[] = [];
  /** Holds what stood before and after each step that is not told yet, in pairs; undefined when there is none. */
  #noted: Step[] | undefined;
  #ended: { readonly error: unknown } | 'complete' | undefined;
  readonly observable: Observable<readonly Difference[]> = new Observable((subscriber) =>
    this.#enter(subscriber),
  );

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  get observed(): boolean {
    return this.#places.length > 0;
  }

  note(before: Entry | undefined, after: Entry | undefined): void {
    // Most often there is one step, for which a list made whole is a third of the size.
    if (this.#noted === undefined) this.#noted = [before, after];
    else this.#noted.push(before, after);
  }

  /** Tells what was noted, of each row what is another than before. */
  tell(): void {
    const noted = this.#noted;
    if (noted === undefined) return;
    this.#noted = undefined;
    const all = net(noted);
    for (const place of this.#places) {
      const differences = place.from === 0 ? all : net(noted.slice(place.from));
      place.from = 0;
      if (differences.length > 0) place.subscriber.next(differences);
    }
  }

  end(error?: { readonly error: unknown }): void {
    if (this.#ended !== undefined) return;
    this.#ended = error ?? 'complete';
    this.#noted = undefined;
    for (const { subscriber } of this.#places) this.#end(subscriber);
  }

  #end(subscriber: Subscriber<unknown>): void {
    if (typeof this.#ended === 'object') subscriber.error(this.#ended.error);
    else subscriber.complete();
  }

  #enter(subscriber: Subscriber<readonly Difference[]>): void {
    if (this.#ended === undefined) this.#owner.settle();
    if (this.#ended !== undefined) return this.#end(subscriber);
    const place = { subscriber, from: this.#noted?.length ?? 0 };
    this.#places = [...this.#places, place];
    if (this.#places.length === 1) this.#owner.observed();
    subscriber.add(() => {
      this.#places = this.#places.filter((each) => each !== place);
      if (this.observed) return;
      this.#noted = undefined;
      this.#owner.unobserved();
    });
  }
}

/** Returns the way from before the first step to after the last, one difference a row. */
function net(noted: readonly Step[]): Difference[] {
  if (noted.length === 2) return differenceOf(noted[0], noted[1]);
  const rows = new Map<unknown, [before: Step, after: Step]>();
  for (let at = 0; at < noted.length; at += 2) {
    const [before, after] = [noted[at], noted[at + 1]];
    const { id } = (before ?? after) as Entry;
    const first = rows.get(id);
    if (first === undefined) rows.set(id, [before, after]);
    else first[1] = after;
  }
  return Array.from(rows.values()).flatMap(([before, after]) => differenceOf(before, after));
}

function differenceOf(before: Step, after: Step): Difference[] {
  const previous = before?.row.value;
  const value = after?.row.value;
  if (after === undefined)
    return before === undefined ? [] : [{ kind: 'removed', key: before.row.key, value, previous }];
  if (before === undefined) return [{ kind: 'new', key: after.row.key, value, previous }];
  return Object.is(value, previous) ? [] : [{ kind: 'changed', key: after.row.key, value, previous }];
}
