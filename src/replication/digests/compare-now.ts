import type { Environment } from '../../environment.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { ComparisonsBehind } from './behind.ts';
import type { Comparisons } from './comparison.ts';

/** A comparison asked for is given up after so many steps. */
const COMPARE_TRIES = 200;
const COMPARE_STEP_MS = 50;

/** A peer, as far as it is compared with. */
interface Compared {
  readonly nodeId: string | undefined;
  readonly tables: PeerTables;
  readonly comparing: { readonly direct: Comparisons; readonly behind: ComparisonsBehind | undefined };
}

/**
 * Compares a table with every connected peer that shares it and may write it, and with nodes behind peers: the one
 * whose rows are asked for, or those that differ. Resolves with the ids of those that could be compared in the state
 * the table is in then.
 */
export async function compareNow(
  { table, from }: { readonly table: string; readonly from: string },
  sessions: Iterable<Compared>,
  environment: Environment,
): Promise<ReadonlySet<string>> {
  const all = [...sessions];
  const direct = all.filter(({ comparing }) => comparing.behind === undefined);
  const [compared, ...behind] = await Promise.all([
    compareDirectly(table, direct, environment),
    ...all.map(({ comparing }) => comparing.behind?.compareNow(table, from) ?? []),
  ]);
  return new Set([...compared, ...behind.flat()]);
}

async function compareDirectly(
  table: string,
  sessions: readonly Compared[],
  environment: Environment,
): Promise<readonly string[]> {
  const sharing = (): Compared[] =>
    sessions.filter(({ tables }) => tables.shared.get(table)?.writable === true);
  const compared = (): Compared[] => sharing().filter(({ comparing }) => comparing.direct.isCompared(table));
  for (const session of sharing()) session.comparing.direct.begin(table);
  for (let tries = 0; tries < COMPARE_TRIES && compared().length < sharing().length; tries++) {
    await new Promise<void>((resolve) => environment.schedule(COMPARE_STEP_MS, resolve));
  }
  return compared().flatMap(({ nodeId }) => nodeId ?? []);
}
