import { pathToFileURL } from 'node:url';
import * as v from 'valibot';
import { TablecastError } from '../errors.ts';
import { anObject } from '../options/an-object.ts';
import { checkedOptions } from '../options/checked-options.ts';
import { namedRecord } from '../options/named-record.ts';
import { isPostgres, requirePlaceOfSql } from '../options/sql-target.ts';
import { said } from '../options/words.ts';
import { type Schema, schemaLimits } from '../schema/index.ts';
import { FACTS, MAX_SQL_NAME, SPAN, type SqlColumn, columnsOf, historyName } from './columns.ts';
import type { ProjectionStart, TableOrder } from './messages.ts';
import { STANDINGS } from './statements.ts';

/** The options say where and how tables are projected. */
export interface ProjectOptions {
  /** Names a file of SQLite, made when missing; or `postgres://user:password@host/database`, which needs the package `pg`. */
  readonly to: string;
  /** Names of the tables in the target, where they are others; at most 40 bytes of UTF-8. */
  readonly into?: Readonly<Record<string, string>> | undefined;
  /** Names of a table's columns: those of its key, then its value. Default `key` (or `key_1`, `key_2`, …) and `value`. */
  readonly columns?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Keeps in `<table>_history` what each row was, from which position and time on, and until when. For tables with backend sqlite. */
  readonly history?: boolean | undefined;
  /** Writes tables that the user made; rows that the node's table does not have are removed from them. */
  readonly existing?: boolean | undefined;
  /**
   * Names a file or URL of a module that exports `where(row)`, `map(row)` or both; `map` needs an exported `columns`, such
   * as `{ host: 'string', seen: 'count' }`. It is loaded by the thread that projects.
   */
  readonly module?: string | URL | undefined;
}

const name = v.pipe(
  v.string(),
  v.regex(/^[^\0]+$/),
  v.maxBytes(MAX_SQL_NAME),
  said(`a name of 1 to ${MAX_SQL_NAME} bytes`, 'hosts_seen'),
);

/** {@link ProjectOptions} as far as their form goes. */
export const projectOptionsSchema = anObject({
  to: v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(4096),
    said('the text of a file, or of an address of PostgreSQL', 'rows.db'),
  ),
  into: v.optional(v.pipe(namedRecord(name), said('an object of names by table', { hosts: 'hosts_seen' }))),
  columns: v.optional(
    v.pipe(
      namedRecord(
        v.pipe(
          v.array(name),
          v.maxLength(schemaLimits.maxKeyColumns + 1),
          said('a list of names, those of the key first', ['host', 'count']),
        ),
      ),
      said('an object of lists of names by table', { hosts: ['host', 'count'] }),
    ),
  ),
  history: v.optional(v.boolean()),
  existing: v.optional(v.boolean()),
  module: v.optional(
    v.pipe(
      v.union([v.pipe(v.string(), v.minLength(1)), v.instance(URL)]),
      said('the file or URL of a module', './rows.js'),
    ),
  ),
});

/** Checks what a projection is asked to do. Throws `OPTION_INVALID`, which names the member. */
export function checkProjectOptions(tables: readonly Schema[], options: unknown): ProjectionStart {
  // Where a value stands is told, and never the value: it may hold a password.
  const checked = checkedOptions(projectOptionsSchema, options, { of: 'of the projection' });
  const { to, into = {}, columns = {}, history = false, existing = false, module } = checked;
  for (const named of [...Object.keys(into), ...Object.keys(columns)]) {
    if (!tables.some((table) => table.name === named))
      throw refused(`The projection names the table ${JSON.stringify(named)}, which it does not have.`);
  }
  if (history && existing)
    throw refused('A table that the user made gets no history: choose history or existing.');
  requirePlaceOfSql(to);
  const orders = tables.map((table) =>
    orderOf(table, into[table.name] ?? table.name, columns[table.name] ?? []),
  );
  if (!isPostgres(to)) for (const order of orders) requireOutsideOfSqlite(order);
  const names = orders.flatMap((order) => (history ? [order.into, historyName(order)] : [order.into]));
  requireDifferent(names, 'tables of the target');
  for (const table of tables) if (history) requireLasting(table);
  return { to, tables: orders, history, existing, module: module === undefined ? undefined : urlOf(module) };
}

function urlOf(module: string | URL): string {
  const text = String(module);
  return /^[a-z]{2,}:/.test(text) ? text : pathToFileURL(text).href;
}

function orderOf(table: Schema, into: string, columns: readonly string[]): TableOrder {
  if (Buffer.byteLength(into) > MAX_SQL_NAME)
    throw refused(
      `${JSON.stringify(into)} has more than ${MAX_SQL_NAME} bytes, too many for a table in SQL.`,
      `Give it another name: into: { ${JSON.stringify(table.name)}: 'shorter' }.`,
    );
  if (into.toLowerCase() === STANDINGS)
    throw refused(
      `${STANDINGS} is where projections keep how far they are.`,
      'Give the table another name with into.',
    );
  const names = columnsOf(table, columns).map((column) => column.name);
  if (columns.length > names.length)
    throw refused(`Table ${table.name} has ${names.length} columns, and ${columns.length} names were given.`);
  requireColumnNames(table.name, names);
  return { name: table.name, declaration: table.declaration, into, columns };
}

/** Names that SQLite takes for itself, in whichever case. */
function requireOutsideOfSqlite({ name: table, into }: TableOrder): void {
  if (!/^sqlite_/i.test(into)) return;
  throw refused(
    `SQLite has the names that begin with sqlite_ for itself, so ${JSON.stringify(into)} can be no table of the target.`,
    `Give it another name: into: { ${JSON.stringify(table)}: 'rows_of_${into}' }.`,
  );
}

/** Throws `OPTION_INVALID` for columns of a table whose names are too long, or not different from each other and those that are added. */
export function requireColumnNames(table: string, names: readonly string[]): void {
  const long = names.find((each) => Buffer.byteLength(each) > MAX_SQL_NAME);
  if (long !== undefined)
    throw refused(`The column ${JSON.stringify(long)} of ${table} has more than ${MAX_SQL_NAME} bytes.`);
  const added: readonly SqlColumn[] = [...FACTS, ...SPAN];
  requireDifferent([...names, ...added.map((fact) => fact.name)], `columns of ${table}`);
}

/** Names in SQL differ by more than their case. */
function requireDifferent(names: readonly string[], what: string): void {
  const seen = new Set<string>();
  for (const each of names) {
    const folded = each.toLowerCase();
    if (seen.has(folded))
      throw refused(
        `Two ${what} would have the name ${JSON.stringify(each)}.`,
        'Give one of them another name.',
      );
    seen.add(folded);
  }
}

function requireLasting({ name: table, backend }: Schema): void {
  if (backend !== 'memory') return;
  throw refused(
    `Table ${table} is kept in memory, and its log ends with the process: there is no history to keep.`,
    "Declare it with backend: 'sqlite', or project it without history.",
  );
}

function refused(message: string, hint = 'See ProjectOptions in the API reference.'): TablecastError {
  return new TablecastError('OPTION_INVALID', message, { hint });
}
