import { TablecastError } from '../errors.ts';
import { type TablePlan, keyColumns } from './columns.ts';

/** For a table of the target that was made by somebody else. */
export function notOurs({ into, table }: TablePlan): TablecastError {
  return new TablecastError(
    'OPTION_INVALID',
    `The target has a table ${JSON.stringify(into)} that no projection made.`,
    {
      hint: `Give ${table} another name with into, or write that table with existing: true: rows of it that ${table} does not have are removed then.`,
      details: { table, into },
    },
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
