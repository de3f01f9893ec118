import { STAMPS_PER_MS } from '../../log/operations/hybrid-clock.ts';
import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { Rows } from './rows.ts';
import type { Versions } from './versions.ts';

/** A removal younger than this is remembered in any case: a node nobody has heard of may still write from before it. */
const LEAST_MS = 3_600_000;
/** A removal older than this is forgotten in any case, also when an origin was never heard of again: 7 days. */
const MOST_MS = 7 * 24 * 3_600_000;

/** The facts are what deciding about removals needs of a table. */
export interface RemovalFacts {
  readonly rows: Rows;
  readonly versions: Versions;
  readonly held: {
    readonly sequences: VersionVector;
    readonly contexts: ReadonlyMap<number, VersionVector>;
  };
  /** An origin that is this node has seen what it holds. */
  readonly authors: { writes(origin: number): boolean };
}

/**
 * Marks removed keys that must be remembered, because a write from before the removal may still
 * arrive. A removal may be forgotten when every origin is known to have seen it (what it writes from
 * then on is later), when a later `clear` beats the same writes, or when it is 7 days old.
 */
export function markRemembered(table: RemovalFacts, marked: Uint8Array, nowStamp: number): void {
  const { rows, versions } = table;
  const seenByAll = new Map<number, number>();
  for (const slot of rows.removals()) {
    if (marked[slot] === 1) continue;
    const age = (nowStamp - rows.stamp(slot)) / STAMPS_PER_MS;
    if (age > MOST_MS || versions.beatenByClear(rows.dot(slot))) continue;
    const origin = rows.origin(slot);
    let seen = seenByAll.get(origin);
    if (seen === undefined) {
      seen = leastSeen(table, origin);
      seenByAll.set(origin, seen);
    }
    if (age < LEAST_MS || rows.sequence(slot) > seen) marked[slot] = 1;
  }
}

/** The highest sequence of an origin that every other origin is known to have seen. */
function leastSeen(table: RemovalFacts, origin: number): number {
  let least = Infinity;
  for (const [other] of table.held.sequences.entries()) {
    if (other === origin || table.authors.writes(other)) continue;
    least = Math.min(least, table.held.contexts.get(other)?.get(origin) ?? 0);
  }
  return least;
}
