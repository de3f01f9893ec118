import { textOf } from '../support/naive-model.ts';
import type { Written } from './ledger.ts';

/** What a row may be in the end, as texts; undefined for no row. */
type Allowed = ReadonlySet<string | undefined>;

/**
 * Per key, what a convergent table may hold after all these operations, whatever the order in which
 * they arrived. Written from the documentation of the modes, not from their code. Keys about which
 * nothing can be said are left out.
 */
export function allowedRows(mode: 'lww' | 'automerge', held: readonly Written[]): Map<string, Allowed> {
  const clears = held.filter(({ operation }) => operation.kind === 'clear');
  const byKey = new Map<string, Written[]>();
  for (const written of held) {
    const { kind, key } = written.operation;
    if (kind === 'clear' || kind === 'switch' || kind === 'touch') continue;
    const text = textOf(key);
    byKey.set(text, [...(byKey.get(text) ?? []), written]);
  }
  const found = new Map<string, Allowed>();
  for (const [key, writes] of byKey) {
    const all = [...writes, ...clears];
    const allowed = mode === 'lww' ? latest(all) : unseen(all);
    if (allowed !== undefined) found.set(key, allowed);
  }
  return found;
}

/** The later write stands; times are known to the millisecond, so that more than one may be the latest. */
function latest(all: readonly Written[]): Allowed {
  const lastOf = new Map<string, Written>();
  for (const written of all) {
    const { origin, sequence } = written.operation;
    if ((lastOf.get(origin)?.operation.sequence ?? 0) < sequence) lastOf.set(origin, written);
  }
  const times = Array.from(lastOf.values(), ({ operation }) => operation.time);
  const last = Math.max(...times);
  return new Set([...lastOf.values()].filter(({ operation }) => operation.time === last).map(rowOf));
}

/** One of the writes that no other write's author had seen stands; what was removed unseen stays. */
function unseen(all: readonly Written[]): Allowed | undefined {
  // Of numbers that are counted up nothing can be said this way.
  if (all.some(({ operation, seen }) => operation.kind === 'increment' || seen === undefined))
    return undefined;
  const isSeenBy = ({ operation: one }: Written, { operation: other, seen }: Written): boolean =>
    one.origin === other.origin
      ? one.sequence < other.sequence
      : (seen?.get(one.origin) ?? 0) >= one.sequence;
  const last = all.filter((one) => !all.some((other) => isSeenBy(one, other)));
  const rows = last.filter(({ operation }) => operation.kind === 'set').map(rowOf);
  return new Set(rows.length > 0 ? rows : [undefined]);
}

function rowOf({ operation }: Written): string | undefined {
  return operation.kind === 'set' ? textOf(operation.value) : undefined;
}
