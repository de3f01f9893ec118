import type { Change, MapTable, NodeEvent, SetTable, Table, TableNode } from '../../src/index.ts';
import { type TablecastError, isTablecastError } from '../../src/index.ts';
import { Cluster, type ClusterOptions, createCluster } from '../support/cluster.ts';

export const counts = { key: 'string', value: 'count' } as const;
export const durableCounts = { ...counts, backend: 'sqlite' } as const;
export const members = { key: 'string' } as const;

/** Long enough, in virtual milliseconds, for everything written to be everywhere. */
const SETTLED_MS = 1000;

/** Runs a test on a cluster whose nodes have met, and closes it whatever happens. */
export async function withCluster(
  options: ClusterOptions,
  test: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const cluster = await createCluster(options);
  try {
    await cluster.run(SETTLED_MS);
    await test(cluster);
  } finally {
    await cluster.close();
  }
}

/** Everybody takes in what was written. */
export function settle(cluster: Cluster): Promise<void> {
  return cluster.run(SETTLED_MS);
}

/** Writes at several nodes of which none has seen the others'. */
export async function concurrently(cluster: Cluster, ...writes: readonly (() => void)[]): Promise<void> {
  for (const write of writes) write();
  await settle(cluster);
}

/** What subscribers of a table are told from now on, as `kind key value previous`. */
export function told(table: Table): string[] {
  const lines: string[] = [];
  table.changes.subscribe((change) => lines.push(line(change)));
  return lines;
}

function line({ kind, key, value, previous }: Change<unknown, unknown>): string {
  return [kind, ...[key, value, previous].map(shown)].join(' ');
}

function shown(value: unknown): string {
  if (value === undefined) return '-';
  return Array.isArray(value) ? value.join(',') : JSON.stringify(value).replaceAll('"', '');
}

/** What a table reports as conflicts from now on, as `key: kept over lost`. */
export function conflictsOf(table: Table): string[] {
  const lines: string[] = [];
  table.conflicts.subscribe(({ key, kept, lost }) => {
    lines.push(`${shown(key)}: ${shown(kept.value)} over ${shown(lost.value)}`);
  });
  return lines;
}

/** Codes of a node's events from now on. */
export function eventsOf(node: TableNode): NodeEvent[] {
  const events: NodeEvent[] = [];
  node.events.subscribe((event) => events.push(event));
  return events;
}

/** The rows of several tables, each sorted by key, for comparing. */
export function rowsOf(tables: readonly (MapTable | SetTable)[]): unknown[][] {
  return tables.map((table) => [...table].toSorted((one, other) => (String(one) < String(other) ? -1 : 1)));
}

/** The code of the error a call throws; undefined when it throws none. */
export function codeOf(call: () => unknown): string | undefined {
  return errorOf(call)?.code;
}

/** The error a call throws. */
export function errorOf(call: () => unknown): TablecastError | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (isTablecastError(error)) return error;
    throw error;
  }
}
