import { GROUPS, SHOWN, type ViewedRows, groupOf, passes } from './views.ts';

/** The rows that pass, in a Map of their own. */
export function filterByHand(rows: Map<string, number>): ViewedRows {
  const shown = new Map<string, number>();
  let seen = 0;
  return {
    set(key, value) {
      rows.set(key, value);
      if (passes(value)) {
        shown.set(key, value);
        seen++;
      } else if (shown.delete(key)) seen++;
    },
    seen: () => seen,
  };
}

/** One sorted array, found into by halving. */
export function sortedByHand(rows: Map<string, number>): ViewedRows {
  const sorted: (readonly [value: number, key: string])[] = [];
  let seen = 0;
  const placeOf = (value: number, key: string): number => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const [at, other] = sorted[middle] as (typeof sorted)[number];
      if (at > value || (at === value && other < key)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    set(key, value) {
      const before = rows.get(key);
      rows.set(key, value);
      const from = before === undefined ? SHOWN : placeOf(before, key);
      if (before !== undefined) sorted.splice(from, 1);
      const to = placeOf(value, key);
      sorted.splice(to, 0, [value, key]);
      if (from < SHOWN || to < SHOWN) seen++;
    },
    fill(keys, values) {
      for (const [index, key] of keys.entries()) {
        const value = values[index & 0xffff] as number;
        rows.set(key, value);
        sorted.push([value, key]);
      }
      sorted.sort(([one, key], [value, other]) => one - value || (key < other ? -1 : 1));
    },
    seen: () => seen,
  };
}

/** A count and a sum of each group. */
export function groupsByHand(rows: Map<string, number>): ViewedRows {
  const groups = new Map<number, { rows: number; sum: number }>();
  let seen = 0;
  const of = (value: number): { rows: number; sum: number } => {
    const known = groups.get(groupOf(value));
    if (known !== undefined) return known;
    const group = { rows: 0, sum: 0 };
    groups.set(groupOf(value), group);
    return group;
  };
  return {
    set(key, value) {
      const before = rows.get(key);
      rows.set(key, value);
      if (before !== undefined) {
        const group = of(before);
        group.rows--;
        group.sum -= before;
      }
      const group = of(value);
      group.rows++;
      group.sum += value;
      seen++;
    },
    seen: () => seen,
  };
}

/** What a row and its owner give together, in a Map of its own. */
export function joinByHand(rows: Map<string, number>): ViewedRows {
  const owners = new Map(Array.from({ length: GROUPS }, (_, group) => [group, group] as const));
  const shown = new Map<string, number>();
  let seen = 0;
  return {
    set(key, value) {
      rows.set(key, value);
      const owner = owners.get(groupOf(value));
      if (owner === undefined) shown.delete(key);
      else shown.set(key, value + owner);
      seen++;
    },
    seen: () => seen,
  };
}
