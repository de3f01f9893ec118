import type { SetTable, TableNode } from '../../../src/index.ts';
import type { Cluster } from '../../support/cluster.ts';

/** A table whose rows go by themselves; the adversary may not write it. */
export const BRIEF = 'brief';
/** How long its rows stay, in milliseconds. */
export const LIFETIME_MS = 3000;
/** How much later every node has let them go, also where the author is not the first. */
const GRACE_MS = 8000;

/** Rows stand everywhere as soon as they are written, and are gone everywhere when their time has come. */
export async function rowsComeAndGo(cluster: Cluster): Promise<void> {
  const nodes = cluster.members.map(({ up }) => up);
  for (const node of nodes) rows(node).add(`${node.id} last`);
  const isThere = (): boolean => nodes.every((node) => nodes.every(({ id }) => rows(node).has(`${id} last`)));
  if (!(await cluster.time.runUntil(isThere, LIFETIME_MS / 2)))
    throw new Error('rows that expire did not come');
  await cluster.run(LIFETIME_MS + GRACE_MS);
  for (const node of nodes)
    if (rows(node).size > 0) throw new Error(`${node.id} kept ${rows(node).size} rows whose time had come`);
}

function rows(node: TableNode): SetTable {
  return node.tables.get(BRIEF) as SetTable;
}
