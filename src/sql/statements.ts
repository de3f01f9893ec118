import {
  SPAN,
  type SqlColumn,
  type TablePlan,
  historyName,
  keyColumns,
  otherColumns,
  quoted,
} from './columns.ts';

/** The table of the target that says how far each of its tables is. */
export const STANDINGS = 'tablecast_projections';

/** A dialect is the difference between databases. */
export interface Dialect {
  typeOf(column: SqlColumn): string;
  /** Stands behind the columns of a table. */
  readonly tableOptions: string;
}

/** Names in a list. */
export function list(columns: readonly SqlColumn[], prefix = ''): string {
  return columns.map(({ name }) => prefix + quoted(name)).join(', ');
}

/** Compares the keys of two rows. */
function sameKey(plan: TablePlan, one: string, other: string): string {
  return keyColumns(plan)
    .map(({ name }) => `${one}.${quoted(name)} = ${other}.${quoted(name)}`)
    .join(' AND ');
}

/** Makes {@link STANDINGS}. */
export function createStandings({ tableOptions }: Dialect, integer: string): string {
  return `CREATE TABLE IF NOT EXISTS ${STANDINGS} (target TEXT PRIMARY KEY, source TEXT NOT NULL, position ${integer} NOT NULL, shape TEXT NOT NULL)${tableOptions}`;
}

/** Makes the table of a plan under a name. */
export function createTable(plan: TablePlan, name: string, dialect: Dialect): string {
  const columns = plan.columns.map((column, index) => {
    const isFilled = index < plan.keyCount;
    return `${quoted(column.name)} ${dialect.typeOf(column)}${isFilled ? ' NOT NULL' : ''}`;
  });
  const key = `PRIMARY KEY (${list(keyColumns(plan))})`;
  return `CREATE TABLE ${quoted(name)} (${[...columns, key].join(', ')})${dialect.tableOptions}`;
}

/** Makes the history of a plan; of each key one version at most has no end. */
export function createHistory(
  plan: TablePlan,
  dialect: Dialect,
  indexes: { readonly now: string; readonly past: string },
): string[] {
  const name = historyName(plan);
  const columns = [...plan.columns, ...SPAN].map(
    (column) => `${quoted(column.name)} ${dialect.typeOf(column)}`,
  );
  const keys = list(keyColumns(plan));
  return [
    `CREATE TABLE ${quoted(name)} (${columns.join(', ')})${dialect.tableOptions}`,
    `CREATE UNIQUE INDEX ${quoted(indexes.now)} ON ${quoted(name)} (${keys}) WHERE to_position IS NULL`,
    `CREATE INDEX ${quoted(indexes.past)} ON ${quoted(name)} (${keys}, from_position)`,
  ];
}

/** Gives the end of an insert where a row may be there: it is written over, if that changes anything. */
export function onConflict(plan: TablePlan, name: string): string {
  const others = otherColumns(plan);
  const target = `ON CONFLICT (${list(keyColumns(plan))}) DO`;
  if (others.length === 0) return `${target} NOTHING`;
  const set = others.map((column) => `${quoted(column.name)} = excluded.${quoted(column.name)}`);
  const differs = others.map(
    (column) => `${quoted(name)}.${quoted(column.name)} IS DISTINCT FROM excluded.${quoted(column.name)}`,
  );
  return `${target} UPDATE SET ${set.join(', ')} WHERE ${differs.join(' OR ')}`;
}

/** The present of a history: the table, under the name that it has now, as of a position and a time, both parameters. */
interface Present {
  readonly table: string;
  readonly position: string;
  readonly time: string;
}

/** Ends the versions that no longer stand in the table. */
export function endVersions(plan: TablePlan, { table, position, time }: Present): string {
  const history = quoted(historyName(plan));
  const same = otherColumns(plan).map(
    ({ name }) => `t.${quoted(name)} IS NOT DISTINCT FROM ${history}.${quoted(name)}`,
  );
  const stands = [sameKey(plan, 't', history), ...same].join(' AND ');
  return `UPDATE ${history} SET to_position = ${position}, valid_to = ${time} WHERE to_position IS NULL AND NOT EXISTS (SELECT 1 FROM ${quoted(table)} t WHERE ${stands})`;
}

/** Begins versions of the rows that have none which stands. */
export function beginVersions(plan: TablePlan, { table, position, time }: Present): string {
  const history = quoted(historyName(plan));
  const columns = list(plan.columns);
  return `INSERT INTO ${history} (${columns}, from_position, valid_from) SELECT ${list(plan.columns, 't.')}, ${position}, ${time} FROM ${quoted(table)} t WHERE NOT EXISTS (SELECT 1 FROM ${history} h WHERE h.to_position IS NULL AND ${sameKey(plan, 'h', 't')})`;
}
