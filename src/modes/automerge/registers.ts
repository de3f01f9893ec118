import type { Cell } from '../../schema/schema.ts';
import type { Standing, Version } from '../conflict-mode.ts';
import {
  type Change,
  type ChangeOperation,
  DELETE,
  INCREMENT,
  type OperationId,
  cellOf,
  compareIds,
} from './change.ts';

/** One value under a key. Never changed: what adds to a counter makes a new one. */
export interface Entry extends OperationId {
  /** Of a counter its sum, which may lie outside the type's range. */
  readonly cell: Cell;
  readonly counts: boolean;
  readonly version: Readonly<Version>;
}

/** How a table shows its cells. */
export interface Shown {
  readonly column: string;
  readonly unsigned: boolean;
}

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/**
 * The root map of a document: per key every value that nothing replaced yet. The same rules as
 * Automerge's: an operation replaces what it names, the greatest name stands. An author always names
 * what it put under a key before; one that does not replaces it all the same, so that no author can pile
 * up values.
 */
export class Registers {
  readonly #entries = new Map<string, readonly Entry[]>();
  readonly #shown: Shown;
  #undo: Map<string, readonly Entry[] | undefined> | undefined;

  constructor(shown: Shown) {
    this.#shown = shown;
  }

  of(text: string): readonly Entry[] {
    return this.#entries.get(text) ?? [];
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  #set(text: string, entries: readonly Entry[]): void {
    const { [0]: first } = entries;
    if (this.#undo !== undefined && !this.#undo.has(text)) this.#undo.set(text, this.#entries.get(text));
    if (first === undefined) this.#entries.delete(text);
    else this.#entries.set(text, entries);
  }

  /** Applies one operation of a change; what it names and is not here any more is passed over. */
  apply(change: Change, index: number, version: Readonly<Version>): void {
    const operation = change.operations[index] as ChangeOperation;
    const { key, before, action, scalar } = operation;
    const entries = this.of(key);
    if (action === INCREMENT) {
      const isMeant = namedIn(before, entries.length);
      this.#set(
        key,
        entries.map((entry) =>
          entry.counts && isMeant(entry) ? added(entry, operation.by, version) : entry,
        ),
      );
      return;
    }
    const isNamed = namedIn(before, entries.length);
    if (action === DELETE || scalar === undefined) {
      const rest = entries.filter((entry) => !isNamed(entry));
      if (rest.length !== entries.length) this.#set(key, rest);
      return;
    }
    const cell = cellOf(scalar, this.#shown.column);
    if (cell === undefined) return;
    const { actor, startOp } = change;
    const entry = { counter: startOp + index, actor, cell, counts: scalar.type === 'counter', version };
    if (entries.length === 0) return this.#set(key, [entry]);
    const rest = entries.filter((other) => other.actor !== actor && !isNamed(other));
    rest.push(entry);
    this.#set(key, rest);
  }

  /** Gives the entry of one operation its exact version. */
  refine(text: string, id: OperationId, version: Readonly<Version>): void {
    const entries = this.of(text);
    const index = entries.findIndex((entry) => entry.actor === id.actor && entry.counter === id.counter);
    if (index < 0) return;
    this.#set(text, entries.with(index, { ...(entries[index] as Entry), version }));
  }

  /** The entry that stands: the one with the greatest name. */
  standing(text: string): Entry | undefined {
    const entries = this.of(text);
    let greatest = entries[0];
    for (const entry of entries)
      if (greatest !== undefined && compareIds(entry, greatest) > 0) greatest = entry;
    return greatest;
  }

  /** An entry as the table shows it: a sum is brought into the type's range. */
  show({ cell, counts, version: { stamp, origin, sequence } }: Entry): Standing {
    const shown = counts ? within(cell as number | bigint, this.#shown.unsigned) : cell;
    return { stamp, origin, sequence, cell: shown };
  }

  beginUndo(): void {
    this.#undo = new Map();
  }

  endUndo(keep: boolean): void {
    const before = this.#undo ?? new Map<string, readonly Entry[] | undefined>();
    this.#undo = undefined;
    if (keep) return;
    for (const [text, entries] of before) this.#set(text, entries ?? []);
  }
}

/** More pairs than this are not compared one with each other. */
const MOST_PAIRS = 64;

/** Tells which of so many entries an operation names. */
function namedIn(before: readonly OperationId[], entries: number): (entry: OperationId) => boolean {
  if (before.length * entries <= MOST_PAIRS)
    return ({ counter, actor }) => before.some((id) => id.counter === counter && id.actor === actor);
  const names = new Set(before.map(({ counter, actor }) => `${counter} ${actor}`));
  return ({ counter, actor }) => names.has(`${counter} ${actor}`);
}

/** Sums are exact beyond 2^53 as well: rounding would depend on the order of arrival. */
function added(entry: Entry, by: number, version: Readonly<Version>): Entry {
  const { cell } = entry;
  const sum = typeof cell === 'number' ? cell + by : Number.NaN;
  const exact = Number.isSafeInteger(sum) ? sum : narrowed(BigInt(cell) + BigInt(by));
  return { ...entry, cell: exact, version: later(version, entry.version) ? version : entry.version };
}

function narrowed(sum: bigint): number | bigint {
  return sum <= BigInt(MAX_SAFE) && sum >= -BigInt(MAX_SAFE) ? Number(sum) : sum;
}

function within(sum: number | bigint, unsigned: boolean): number {
  const least = unsigned ? 0 : -MAX_SAFE;
  if (sum < least) return least;
  return sum > MAX_SAFE ? MAX_SAFE : Number(sum);
}

function later(one: Readonly<Version>, other: Readonly<Version>): boolean {
  if (one.stamp !== other.stamp) return one.stamp > other.stamp;
  if (one.origin !== other.origin) return one.origin > other.origin;
  return one.sequence > other.sequence;
}
