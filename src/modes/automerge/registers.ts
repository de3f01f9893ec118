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
import { beginSame, beginsCounter } from './genesis.ts';

/** One value under a key. Never changed: what adds to a counter makes a new one. */
export interface Entry extends OperationId {
  /** Is the sum of a counter, which may lie outside the type's range; of others the value. */
  readonly cell: Cell;
  readonly counts: boolean;
  /** Is what was added to the beginning of a counter, but not to a greater beginning of the same counter as well. */
  readonly apart: number | bigint;
  readonly version: Readonly<Version>;
}

/** A reading is what stands under a key, taken together. */
type Reading = Pick<Entry, 'cell' | 'counts' | 'version'>;

/** Shown says how a table shows its cells. */
export interface Shown {
  readonly column: string;
  readonly unsigned: boolean;
}

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/**
 * The root map of a document: per key every value that nothing replaced yet. The same rules as
 * Automerge's: an operation replaces what it names, the greatest name stands. An author always names
 * what it put under a key before; one that does not replaces it all the same, so that no author can pile
 * up values. Unlike there, beginnings of one counter by nodes with different defaults are read as one
 * counter: it begins where the one begins that stands, and counts what was added to any of them.
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
        entries.map((entry) => (entry.counts && isMeant(entry) ? added(entry, operation, version) : entry)),
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
    const counts = scalar.type === 'counter';
    const entry: Entry = { counter: startOp + index, actor, cell, counts, apart: 0, version };
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

  /** Returns the entry that stands: the one with the greatest name. */
  standing(text: string): Entry | undefined {
    const entries = this.of(text);
    let greatest = entries[0];
    for (const entry of entries)
      if (greatest !== undefined && compareIds(entry, greatest) > 0) greatest = entry;
    return greatest;
  }

  /**
   * Returns the beginnings of the counter that an entry begins, itself the first; the entry alone where it
   * begins none.
   */
  together(text: string, entry: Entry): readonly Entry[] {
    const entries = this.of(text);
    if (entries.length === 1 || !beginsCounter(entry)) return [entry];
    return [entry, ...entries.filter((other) => other !== entry && beginSame(entry, other))];
  }

  /** Returns what stands under a key, as the table shows it. */
  shown(text: string): Standing | undefined {
    const entries = this.#entries.get(text);
    // As nearly always; and this is on the way of every row.
    if (entries?.length === 1) return this.#show(entries[0] as Entry);
    const entry = this.standing(text);
    return entry === undefined ? undefined : this.#show(this.read(text, entry));
  }

  /** Returns all that stands under a key, as the table shows it, what stands first. */
  allShown(text: string): readonly Standing[] {
    const entries = this.of(text).toSorted((one, other) => compareIds(other, one));
    return entries
      .filter((entry) => entries.find((other) => other === entry || isPartOf(entry, other)) === entry)
      .map((entry) => this.#show(this.read(text, entry)));
  }

  /** Returns an entry, with what other beginnings of the same counter add to it. */
  read(text: string, entry: Entry): Reading {
    if (this.of(text).length === 1) return entry;
    const [, ...others] = this.together(text, entry);
    let { cell, version } = entry;
    for (const other of others) {
      cell = sumOf(cell, other.apart);
      if (later(other.version, version)) version = other.version;
    }
    return { cell, counts: entry.counts, version };
  }

  /** A sum is brought into the type's range. */
  #show({ cell, counts, version: { stamp, origin, sequence } }: Reading): Standing {
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

function added(entry: Entry, { by, before }: ChangeOperation, version: Readonly<Version>): Entry {
  const apart = isCountedBy(entry, before) ? sumOf(entry.apart, by) : entry.apart;
  const latest = later(version, entry.version) ? version : entry.version;
  return { ...entry, cell: sumOf(entry.cell, by), apart, version: latest };
}

/**
 * Returns whether an addition to several beginnings of one counter counts in this one: it does in the
 * greatest, there or not.
 */
function isCountedBy(entry: Entry, named: readonly OperationId[]): boolean {
  if (!beginsCounter(entry)) return false;
  return named.length === 1 || !named.some((other) => isPartOf(entry, other));
}

/** Returns whether something begins the same counter as, and stands before, another beginning. */
function isPartOf(entry: OperationId, other: OperationId): boolean {
  return beginsCounter(entry) && beginSame(entry, other) && compareIds(other, entry) > 0;
}

/** Sums are exact beyond 2^53 as well: rounding would depend on the order of arrival. */
function sumOf(cell: Cell, by: number | bigint): number | bigint {
  const sum = typeof cell === 'number' && typeof by === 'number' ? cell + by : Number.NaN;
  return Number.isSafeInteger(sum) ? sum : narrowed(BigInt(cell) + BigInt(by));
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
