import { Observable } from 'rxjs/internal/Observable';
import { map } from 'rxjs/internal/operators/map';
import type { Operation } from '../log/operations/operation.ts';
import type { Change, ChangeKind, Conflict, ConflictSide } from '../projection/telling/change.ts';
import { type Key, type Reading, type Value, readAs, readMembers } from '../schema/index.ts';
import type { Emitter } from '../work/emitter.ts';
import type { ConcurrentValue, DivergedKey } from './forms.ts';

/** Tells changes in the forms in which a program reads them; the operations behind them stay exact. */
export function readChanges(changes: Emitter<Change>, reading: Reading): Observable<Change> {
  if (reading.key === undefined && reading.value === undefined) return changes.observable;
  return new Observable<Change>((subscriber) => {
    const listener = {
      next: (change: Change) => subscriber.next(readChange(change, reading)),
      complete: () => subscriber.complete(),
    };
    subscriber.add(changes.listen(listener));
  });
}

/** A change in other forms than the rows hold. */
class ReadChange {
  readonly kind: ChangeKind;
  readonly #told: Change;

  constructor(told: Change) {
    this.kind = told.kind;
    this.#told = told;
  }

  get origin(): string {
    return this.#told.origin;
  }

  get operation(): Operation {
    return this.#told.operation;
  }
}

function readChange(change: Change, { key, value }: Reading): Change {
  const { key: ofRow, value: now, previous } = change;
  const fits =
    (key === undefined || key.fits(ofRow)) &&
    (value === undefined || (value.fits(now) && value.fits(previous)));
  if (fits) return change;
  return readMembers(new ReadChange(change) as unknown as Change, {
    key: () => readAs(key, ofRow),
    value: () => readAs(value, now, ofRow),
    previous: () => readAs(value, previous, ofRow),
  });
}

/** Tells conflicts in the forms in which a program reads them. */
export function readConflicts(
  conflicts: Observable<Conflict>,
  { key, value }: Reading,
): Observable<Conflict> {
  if (key === undefined && value === undefined) return conflicts;
  const side = (held: ConflictSide, ofRow: Key): ConflictSide =>
    readMembers({ ...held }, { value: () => readAs(value, held.value, ofRow) });
  return conflicts.pipe(
    map((told) =>
      readMembers(
        { ...told, kept: side(told.kept, told.key), lost: side(told.lost, told.key) },
        { key: () => readAs(key, told.key) },
      ),
    ),
  );
}

/** Tells diverged keys in the forms in which a program reads them. */
export function readDivergence(
  divergence: Observable<readonly DivergedKey[]>,
  { key, value }: Reading,
): Observable<readonly DivergedKey[]> {
  if (key === undefined && value === undefined) return divergence;
  const side = (held: DivergedKey['here'], ofRow: Key): DivergedKey['here'] =>
    held && readMembers({ ...held }, { value: () => readAs(value, held.value as Value, ofRow) });
  const read = (told: DivergedKey): DivergedKey => {
    const ofRow = told.key as Key;
    const sides = { here: side(told.here, ofRow), there: side(told.there, ofRow) };
    return readMembers({ ...told, ...sides }, { key: () => readAs(key, ofRow) });
  };
  return divergence.pipe(map((all) => all.map(read)));
}

/** Gives the values that stand under a key in the form in which a program reads them. */
export function readConcurrent(
  held: readonly ConcurrentValue[],
  key: Key,
  { value }: Reading,
): readonly ConcurrentValue[] {
  if (value === undefined) return held;
  return held.map((one) => readMembers({ ...one }, { value: () => readAs(value, one.value as Value, key) }));
}
