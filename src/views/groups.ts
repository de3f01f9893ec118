import type { AggregateColumn } from './aggregates.ts';
import { renumberIn } from './contents.ts';
import type { Entry, Stage, ViewRow } from './rows-of-views.ts';

/** Names the one group of a view that sums up without groups. */
export const WHOLE: unique symbol = Symbol('whole');

/** A group is the rows that one key of theirs has in common, or what is summed up of them. */
interface Group {
  readonly key: unknown;
  readonly entries: Map<unknown, Entry>;
  readonly sums: readonly {
    add(value: unknown): void;
    remove(value: unknown): void;
    readonly result: unknown;
  }[];
}

/** The shape says what becomes of groups. */
export interface GroupShape {
  /** Undefined where the rows themselves are wanted. */
  readonly columns: readonly AggregateColumn[] | undefined;
  /** All rows are one group, which is there also without rows. */
  readonly isWhole: boolean;
  /** Says what the view behind needs to know of a group's row. Throws what functions of the view throw. */
  readonly entryOf: (id: unknown, row: ViewRow) => Entry;
}

/** Gathers rows by group, and hands on one row for each group that became another. */
export class Groups implements Stage {
  readonly #entries = new Map<unknown, Entry>();
  readonly #groups = new Map<unknown, Group>();
  readonly #changed = new Set<unknown>();
  readonly #shape: GroupShape;
  readonly #next: Stage;

  constructor(shape: GroupShape, next: Stage) {
    this.#shape = shape;
    this.#next = next;
    if (!shape.isWhole) return;
    this.#begin(WHOLE, undefined);
    this.#changed.add(WHOLE);
  }

  find(id: unknown): Entry | undefined {
    return this.#entries.get(id);
  }

  replace(before: Entry | undefined, after: Entry | undefined): void {
    const left = before === undefined ? undefined : this.#idIn(before);
    const entered = after === undefined ? undefined : this.#idIn(after);
    if (before !== undefined) this.#takeOut(left, before, after !== undefined && entered === left);
    if (after !== undefined) this.#putIn(entered, after);
    if (after !== undefined) this.#entries.set(after.id, after);
    else if (before !== undefined) this.#entries.delete(before.id);
  }

  #idIn({ group }: Entry): unknown {
    return this.#shape.isWhole ? WHOLE : groupId(group);
  }

  /** Puts another entry of a row into the place that the row has in the group. */
  #takeOut(id: unknown, entry: Entry, isReplaced: boolean): void {
    const group = this.#groups.get(id) as Group;
    this.#changed.add(id);
    for (const [index, sum] of group.sums.entries()) {
      const value = entry.inputs[index];
      if (value !== undefined) sum.remove(value);
    }
    if (!isReplaced) group.entries.delete(entry.id);
    if (group.entries.size === 0 && id !== WHOLE) this.#groups.delete(id);
  }

  #putIn(id: unknown, entry: Entry): void {
    const group = this.#groups.get(id) ?? this.#begin(id, entry.group);
    this.#changed.add(id);
    group.entries.set(entry.id, entry);
    for (const [index, sum] of group.sums.entries()) {
      const value = entry.inputs[index];
      if (value !== undefined) sum.add(value);
    }
  }

  #begin(id: unknown, key: unknown): Group {
    const group = { key, entries: new Map(), sums: (this.#shape.columns ?? []).map(({ begin }) => begin()) };
    this.#groups.set(id, group);
    return group;
  }

  flush(): void {
    for (const id of this.#changed) {
      const group = this.#groups.get(id);
      const before = this.#next.find(id);
      if (group === undefined) {
        if (before !== undefined) this.#next.replace(before, undefined);
        continue;
      }
      const value = this.#valueOf(group);
      if (before !== undefined && isSame(before.row.value, value)) continue;
      this.#next.replace(before, this.#shape.entryOf(id, { key: group.key, value }));
    }
    this.#changed.clear();
    this.#next.flush();
  }

  #valueOf({ entries, sums }: Group): unknown {
    const { columns } = this.#shape;
    if (columns === undefined) return Object.freeze(Array.from(entries.values(), ({ row }) => row));
    return Object.freeze(Object.fromEntries(columns.map(({ name }, index) => [name, sums[index]?.result])));
  }

  renumber(numbers: Int32Array): void {
    renumberIn(this.#entries, numbers);
    // The entries have their new numbers already.
    for (const { entries } of this.#groups.values()) {
      const all = [...entries.values()];
      entries.clear();
      for (const entry of all) entries.set(entry.id, entry);
    }
  }
}

/**
 * Returns what groups are told apart by: of several columns their types and texts. A text that could be taken for that
 * of a list, or for what is made of such a text, stands in quotes.
 */
export function groupId(key: unknown): unknown {
  if (typeof key === 'string') return key.startsWith('[') || key.startsWith('"') ? JSON.stringify(key) : key;
  if (!Array.isArray(key)) return key;
  return JSON.stringify(
    key.map((column) => [typeof column, Object.is(column, null) ? 'null' : String(column)]),
  );
}

/** Returns whether two rows of a group have the same sums; lists of rows are never. */
function isSame(before: unknown, after: unknown): boolean {
  if (Array.isArray(before) || Array.isArray(after)) return false;
  const [one, other] = [before as Record<string, unknown>, after as Record<string, unknown>];
  return Object.keys(other).every((name) => Object.is(one[name], other[name]));
}
