import { textOf, type TableKind } from './kinds.ts';

/** A write to one table, as a world draws it. */
export type Write =
  | { readonly do: 'set'; readonly key: number; readonly value: number }
  | { readonly do: 'increment'; readonly key: number; readonly by: number }
  | { readonly do: 'delete'; readonly key: number }
  | { readonly do: 'clear' };

/** What a table should hold: a Map from the text of each key to the value. */
export class TableModel {
  readonly kind: TableKind;
  rows = new Map<string, unknown>();
  /** Keys that several nodes wrote at once, of which a log does not say in which order they took effect. */
  readonly contested = new Set<string>();

  /** Whether operations come to every node in the order in which they were written: in a mesh they overtake each other. */
  readonly isOrdered: boolean;

  /** Since a switch of mode its operations are not read by time: what a switch passes over stands in the log as well. */
  isSwitched = false;

  constructor(kind: TableKind, isOrdered: boolean) {
    this.kind = kind;
    this.isOrdered = isOrdered;
  }

  keyText(index: number): string {
    return textOf(this.kind.keys[index]?.read);
  }

  /** Takes in a write that nobody else's crosses. */
  apply(write: Write, node: number): void {
    if (write.do === 'clear') return this.rows.clear();
    const key = this.keyText(write.key);
    if (write.do === 'delete') this.rows.delete(key);
    else if (write.do === 'set') this.rows.set(key, this.kind.values[write.value]?.read);
    else this.rows.set(key, this.sum(key, write.by, node));
  }

  /** What adding gives. */
  sum(key: string, by: number, node: number): number | bigint {
    const before = this.rows.has(key) ? this.rows.get(key) : (this.kind.defaults[node] ?? 0);
    return integer(BigInt(before as number | bigint) + BigInt(by));
  }
}

/** The form in which tables give whole numbers. */
export function integer(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** What two lots of rows differ in; undefined when in nothing. */
export function difference(
  found: ReadonlyMap<string, unknown>,
  right: ReadonlyMap<string, unknown>,
  except: ReadonlySet<string> = new Set(),
): string | undefined {
  for (const key of new Set([...found.keys(), ...right.keys()])) {
    if (except.has(key)) continue;
    const [one, other] = [found, right].map((rows) => (rows.has(key) ? textOf(rows.get(key)) : 'no row'));
    if (one !== other) return `${key} is ${one}, not ${other}`;
  }
  return undefined;
}
