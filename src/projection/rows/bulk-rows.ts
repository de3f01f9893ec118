import type { Value } from '../../schema/index.ts';
import { type RowColumns, resized } from './row-columns.ts';
import type { RowKeys } from './row-keys.ts';
import { CHANGED_ROW, type DoneByRun, MADE_ROW, type RunOfWrites } from './run-of-writes.ts';
import { touchDifferent, touchRun } from './rows-watch.ts';

const NONE = new Float64Array(0);

/** Rows, or removals, of a checkpoint, column by column: that of `texts[n]` goes to slot `first + n`. */
export interface PartOfRows {
  readonly first: number;
  readonly removed: boolean;
  readonly texts: readonly string[];
  /** Undefined for removals, and of a set. */
  readonly values: ArrayLike<Value> | undefined;
  /** Numbers of origins, which `originOf` refers to. */
  readonly origins: readonly number[];
  readonly originOf: Uint32Array;
  readonly sequences: ArrayLike<number>;
  readonly stamps: ArrayLike<number>;
  readonly created: ArrayLike<number>;
}

/** Puts many rows of a table in place at once, column by column, and numbers their slots anew. */
export class BulkRows {
  readonly #keys: RowKeys;
  readonly #columns: RowColumns;

  constructor(keys: RowKeys, columns: RowColumns) {
    this.#keys = keys;
    this.#columns = columns;
  }

  /** Makes the slots of an empty table, in order; false, and it stays empty, when a key is named twice. */
  fill(parts: readonly (readonly string[])[]): boolean {
    this.reserve(parts.reduce((sum, { length }) => sum + length, 0));
    if (parts.every((texts) => this.append(texts))) return true;
    this.#keys.clear();
    this.#columns.values = [];
    return false;
  }

  /** Makes further slots for keys that have none; false when one has. Of use only in rows that nobody reads. */
  append(texts: readonly string[]): boolean {
    if (!this.#keys.addAll(texts)) return false;
    this.reserve(0);
    const { values, numbers, empty } = this.#columns;
    if (numbers === undefined) for (let at = 0; at < texts.length; at++) values.push(empty);
    return true;
  }

  /** Makes room for that many further keys at once. */
  reserve(count: number): void {
    this.#keys.index.reserve(count);
    this.#columns.reserve(this.#keys.count + count);
  }

  /** Puts in place what a checkpoint says of slots made by {@link fill} or {@link append}. */
  putPart(part: PartOfRows): void {
    const { first, removed, values, origins, originOf, sequences, stamps } = part;
    const columns = this.#columns;
    const count = part.texts.length;
    const sign = removed ? -1 : 1;
    putAuthors(
      columns.authors.subarray(first, first + count),
      originOf,
      origins.map((origin) => sign * (origin + 1)),
    );
    putVersions(columns.versions.subarray(2 * first, 2 * (first + count)), sequences, stamps);
    if (removed) return;
    columns.size += count;
    this.#keys.noteHighest(first + count - 1);
    const { beginnings } = columns;
    if (beginnings !== undefined)
      for (let at = 0; at < count; at++)
        beginnings.set(first + at, columns.dot(first + at), part.created[at]);
    if (values === undefined) return;
    if (columns.numbers !== undefined) columns.numbers.set(values as ArrayLike<number>, first);
    else for (let at = 0; at < count; at++) columns.values[first + at] = values[at];
  }

  /** Puts the values of a run of writes: the one at `index` goes to the slot that its key number stands for. */
  putRun(writes: RunOfWrites): void {
    const { slots, ids, values, stamps, firstSequence } = writes;
    const { authors, versions, numbers } = this.#columns;
    const author = writes.origin + 1;
    const table: Value[] | Float64Array = numbers ?? this.#columns.values;
    for (let index = writes.from; index < writes.end; index++) {
      const slot = slots[ids[index] as number] as number;
      const stamp = stamps === undefined ? writes.stamp : (stamps[index] as number);
      if ((authors[slot] as number) <= 0) this.#appear(slot);
      if (values !== undefined) table[slot] = values[index] as number;
      versions[2 * slot] = firstSequence + index;
      versions[2 * slot + 1] = stamp;
      authors[slot] = author;
    }
    this.#tell(writes);
  }

  /**
   * As {@link putRun}, for a set or a table of doubles, and says what each write did. A row that has come
   * with a checkpoint from a later write of the same author stays as it is.
   */
  putRunKnowing(writes: RunOfWrites): DoneByRun {
    const { slots, ids, values, stamps, firstSequence, from } = writes;
    const { authors, versions, numbers } = this.#columns;
    const author = writes.origin + 1;
    const count = writes.end - from;
    const done = { slots: new Int32Array(count), did: new Uint8Array(count), before: resized(NONE, count) };
    for (let nth = 0; nth < count; nth++) {
      const index = from + nth;
      const slot = slots[ids[index] as number] as number;
      const present = authors[slot] as number;
      done.slots[nth] = slot;
      if (Math.abs(present) === author && (versions[2 * slot] as number) >= firstSequence + index) continue;
      const stamp = stamps === undefined ? writes.stamp : (stamps[index] as number);
      if (present <= 0) this.#appear(slot);
      done.did[nth] = present > 0 ? CHANGED_ROW : MADE_ROW;
      if (values !== undefined && numbers !== undefined) {
        done.before[nth] = numbers[slot] as number;
        numbers[slot] = values[index] as number;
      }
      versions[2 * slot] = firstSequence + index;
      versions[2 * slot + 1] = stamp;
      authors[slot] = author;
    }
    this.#tell(writes);
    return values === undefined ? { ...done, before: undefined } : done;
  }

  #appear(slot: number): void {
    this.#keys.appear(slot);
    this.#columns.size++;
  }

  #tell(writes: RunOfWrites): void {
    if (this.#columns.watch !== undefined) touchRun(this.#columns.watch, writes);
  }

  /**
   * Forgets the slots of removed keys that `referenced` does not name and numbers the others
   * anew. Returns the new number per old slot, -1 for a forgotten one.
   */
  compact(referenced: Uint8Array): Int32Array {
    const renumbered = new Int32Array(this.#keys.count).fill(-1);
    let next = 0;
    for (let slot = 0; slot < renumbered.length; slot++) {
      if (!this.#columns.has(slot) && referenced[slot] !== 1) continue;
      if (slot !== next) this.#columns.copy(this.#columns, slot, next);
      renumbered[slot] = next++;
    }
    this.#columns.cut(next);
    this.#keys.renumber(renumbered);
    this.#columns.watch?.renumbered(renumbered);
    return renumbered;
  }

  /** Lets rows that were made apart take the place of these, which have no slot, or only those that both share. */
  become(other: BulkRows): void {
    this.#columns.exchange(other.#columns);
    this.#keys.become(other.#keys);
    const { watch } = this.#columns;
    if (watch === undefined) return;
    touchDifferent(watch, this.#keys.count, { before: other.#columns, after: this.#columns });
  }
}

// Loops over columns stand in functions of their own: the smaller one is, the sooner it is compiled.

function putAuthors(into: Int32Array, originOf: Uint32Array, authors: readonly number[]): void {
  if (authors.length === 1) into.fill(authors[0] as number);
  else for (let at = 0; at < into.length; at++) into[at] = authors[originOf[at] as number] as number;
}

function putVersions(into: Float64Array, sequences: ArrayLike<number>, stamps: ArrayLike<number>): void {
  for (let at = 0, to = 0; to < into.length; at++, to += 2) {
    into[to] = sequences[at] as number;
    into[to + 1] = stamps[at] as number;
  }
}
