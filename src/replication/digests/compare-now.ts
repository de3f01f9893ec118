import type { Environment } from '../../environment.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { Comparisons } from './comparison.ts';

/** A comparison asked for is given up after so many steps. */
const COMPARE_TRIES = 200;
const COMPARE_STEP_MS = 50;

/** A peer, as far as it is compared with. */
interface Compared {
  readonly nodeId: string | undefined;
  readonly tables: PeerTables;
  readonly comparisons: Comparisons;
}

/**
 * Compares a table with every connected peer that shares it and may write it; resolves with the ids of those
 * that could be compared in the state the table is in then.
 */
export async function compareNow(
  table: string,
  sessions: Iterable<Compared>,
  environment: Environment,
): Promise<ReadonlySet<string>> {
  const sharing = (): Compared[] =>
    [...sessions].filter(({ tables }) => tables.shared.get(table)?.writable === true);
  const compared = (): Compared[] => sharing().filter(({ comparisons }) => comparisons.isCompared(table));
  for (const session of sharing()) session.comparisons.begin(table);
  for (let tries = 0; tries < COMPARE_TRIES && compared().length < sharing().length; tries++) {
    await new Promise<void>((resolve) => environment.schedule(COMPARE_STEP_MS, resolve));
  }
  return new Set(compared().flatMap(({ nodeId }) => nodeId ?? []));
}
