import { TablecastError } from '../errors.ts';
import { type TablePlan, keyColumns } from './columns.ts';

/** For what others have in the target, under the name of a plan or of its history. */
export function notOurs({ into, table }: TablePlan, name: string): TablecastError {
  const isHistory = name.toLowerCase() !== into.toLowerCase();
  const otherwise = isHistory
    ? 'project it without history'
    : `write that table with existing: true: rows of it that ${table} does not have are removed then`;
  return new TablecastError(
    'OPTION_INVALID',
    `The target has a table ${JSON.stringify(name)} that no projection made of ${table}; it was left as it is.`,
    { hint: `Give ${table} another name with into, or ${otherwise}.`, details: { table, into } },
  );
}

/** For a table that has to be made anew, where others added to it what would be lost. */
export function hasMore({ into, table }: TablePlan, more: readonly string[]): TablecastError {
  return new TablecastError(
    'OPTION_INVALID',
    `The table ${JSON.stringify(into)} has to be made anew, with which would go what no projection made: ${more.join(', ')}. It was left as it is.`,
    {
      hint: `Drop that, or rename the table; or give ${table} another name with into.`,
      details: { table, into },
    },
  );
}

/** For something of others under the name of the table that says how far projections are. */
export function standingsOfOthers(name: string): TablecastError {
  return new TablecastError(
    'OPTION_INVALID',
    `The target has ${JSON.stringify(name)}, which no projection made; it was left as it is.`,
    { hint: 'Rename it, or project into another file, database or schema.', details: { name } },
  );
}

/** Finds why a table of the user's cannot be written; undefined when it can. `keys` are the columns of its unique keys. */
export function wrongColumns(
  plan: TablePlan,
  found: readonly string[],
  keys: readonly (readonly string[])[],
): TablecastError | undefined {
  const missing = plan.columns.filter(({ name }) => !found.includes(name));
  const wanted = keyColumns(plan).map(({ name }) => name);
  const hasKey = keys.some(
    (key) => key.length === wanted.length && wanted.every((name) => key.includes(name)),
  );
  if (missing.length === 0 && hasKey) return undefined;
  const problem =
    missing.length > 0
      ? `has no column ${missing.map(({ name }) => name).join(', ')}`
      : `has no primary key or unique index on ${wanted.join(', ')}`;
  return new TablecastError(
    'OPTION_INVALID',
    `The table ${JSON.stringify(plan.into)} of the target ${problem}.`,
    {
      hint: `Add it, or name the columns of ${plan.table} as that table does: columns: { ${JSON.stringify(plan.table)}: […] }.`,
      details: { table: plan.table, into: plan.into },
    },
  );
}
