import { openNode } from '../node/open-node.ts';
import type { MapTable, SetTable, Table } from '../table/table.ts';
import { exactly } from '../schema/exactly.ts';
import { Alteration, type AlterationState } from './alteration.ts';
import { type AlterOptions, type AlteringNode, checkAlterOptions } from './options.ts';
import type { AlterProblem } from './problems.ts';

/** Most problems that a preview lists; of more it keeps the count. */
const MAX_LISTED_PROBLEMS = 1000;
/** Rows that are copied in one turn of the event loop. */
const TURN_ROWS = 1000;

/** Says what an alteration would do to two tables as they are. */
export interface AlterPreview extends AlterationState {
  /** Lists the first 1,000 rows that cannot be carried, or stand on both sides with other values. */
  readonly problems: readonly AlterProblem[];
}

/**
 * Does with copies of both tables, in memory, what {@link alterTable} would do first, and says what came of it.
 * Nothing is written. What an alteration on this node has carried before is not looked at.
 */
export async function previewAlteration<K1, V1, K2, V2>(
  node: AlteringNode,
  options: AlterOptions<K1, V1, K2, V2>,
): Promise<AlterPreview> {
  const { from, to, ...rest } = checkAlterOptions(options);
  await using scratch = await openNode({ id: 'preview' });
  const copies = [from, to].map(({ name, declaration }) =>
    scratch.table(name, exactly({ ...declaration, backend: 'memory' })),
  ) as unknown as readonly [Table, Table];
  await copyRows(node.table(from.name, exactly(from.declaration)), copies[0]);
  await copyRows(node.table(to.name, exactly(to.declaration)), copies[1]);
  const alteration = new Alteration(scratch, { ...rest, from: copies[0], to: copies[1] }, [from, to]);
  const problems: AlterProblem[] = [];
  alteration.problems.subscribe((problem) => {
    if (problems.length < MAX_LISTED_PROBLEMS) problems.push(problem);
  });
  await alteration.settled();
  const { state } = alteration;
  await alteration.close();
  return { ...state, problems };
}

async function copyRows(from: Table, to: Table): Promise<void> {
  let copied = 0;
  for (const key of Array.from(from.keys())) {
    if (!from.has(key)) continue;
    if (from.declaration.value === undefined) (to as SetTable).add(key);
    else (to as MapTable).set(key, (from as MapTable).get(key));
    copied++;
    if (copied % TURN_ROWS === 0) await new Promise((resolve) => void setImmediate(resolve));
  }
}
