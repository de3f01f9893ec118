import type { Aggregate } from './aggregates.ts';
import { nameOf, optionInvalid } from './failure.ts';
import type { OrderKey } from './order.ts';
import type { ViewRow } from './rows-of-views.ts';

/** A group key is what rows of one group have in common: one value, or a list of them. */
export type GroupKey = OrderKey | readonly OrderKey[];

/** An order is a function that says what a row is ordered by, ascending unless it is said. */
export type OrderBy<K, V> =
  | ((row: ViewRow<K, V>) => OrderKey)
  | {
      /** Says what a row is ordered by, the greatest first. */
      readonly descending: (row: ViewRow<K, V>) => OrderKey;
    };

/** The options say which rows are shown first, and how many. */
export interface ShownOptions<K, V> {
  /** Puts the rows of the view in order; those that are alike are ordered by key. */
  readonly orderBy?: OrderBy<K, V> | readonly OrderBy<K, V>[] | undefined;
  /** Bounds how many rows are shown: the first in order. Needs `orderBy`. */
  readonly limit?: number | undefined;
}

/**
 * The options say which rows are in a view, and what of them. The functions are asked about one row at a time, whenever
 * that row has become another: they give the same for the same row, read nothing else that changes, and write nothing.
 */
export interface RowOptions<K, V, R> {
  /** Says which rows are in the view; by default all. */
  readonly where?: ((row: ViewRow<K, V>) => boolean) | undefined;
  /** Makes the value that a row has in the view; by default that of the table. */
  readonly map?: ((row: ViewRow<K, V>) => R) | undefined;
}

/** The group options say which rows form a group, which is one row of the view then. */
export interface GroupOptions<K, R, G extends GroupKey> {
  /** Says which group a row is in. */
  readonly groupBy: (row: ViewRow<K, R>) => G;
}

/** The aggregate options say what is summed up of each group, or of all rows. */
export interface AggregateOptions<A> {
  /** Says what is summed up, by name. */
  readonly aggregate: A;
}

/** Holds the aggregates of a view, by name. */
export type Aggregates<K, R> = Readonly<Record<string, Aggregate<K, R>>>;

/** Options of whatever table, inside. */
export interface AnyOptions {
  readonly where?: ((row: never) => unknown) | undefined;
  readonly map?: ((row: never) => unknown) | undefined;
  readonly groupBy?: ((row: never) => unknown) | undefined;
  readonly aggregate?: object | undefined;
  readonly orderBy?: unknown;
  readonly limit?: number | undefined;
}

const FUNCTIONS: readonly string[] = ['where', 'map', 'groupBy'];
const MEMBERS: readonly string[] = [...FUNCTIONS, 'aggregate', 'orderBy', 'limit'];

/** A function would have no members, and be passed over. */
function requireObject(what: 'view' | 'join', options: unknown, example: string): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw optionInvalid(`The options of a ${what} are ${nameOf(options)}.`, `Pass an object: ${example}.`);
}

/** Throws `OPTION_INVALID` for what is no option of a view. */
export function checkOptions(options: AnyOptions): void {
  requireObject('view', options, 'view({ where: ({ value }) => value > 3 })');
  for (const [name, value] of Object.entries(options)) {
    if (!MEMBERS.includes(name))
      throw optionInvalid(`A view has no option ${name}.`, `Use one of: ${MEMBERS.join(', ')}.`);
    if (FUNCTIONS.includes(name) && value !== undefined && typeof value !== 'function')
      throw optionInvalid(`${name} of a view is ${typeof value}.`, 'Pass a function of one row.');
  }
  const { aggregate, limit, orderBy } = options;
  if (aggregate !== undefined && (typeof aggregate !== 'object' || aggregate === null))
    throw optionInvalid('aggregate of a view is no object.', "Pass aggregates by name: { rows: 'count' }.");
  if (limit === undefined) return;
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw optionInvalid(`limit of a view is ${String(limit)}.`, 'It is a whole number of rows, 1 or more.');
  if (orderBy === undefined)
    throw optionInvalid(
      'A view has a limit and no order.',
      'Say with orderBy which rows come first, so that it is the same everywhere.',
    );
}

/** Throws `OPTION_INVALID` for what is no option of a join. */
export function checkJoin(options: { readonly on?: unknown; readonly optional?: unknown }): void {
  requireObject('join', options, 'join(owners, { on: ({ key }) => key })');
  const other = Object.keys(options).find((name) => name !== 'on' && name !== 'optional');
  if (other !== undefined)
    throw optionInvalid(
      `A join has no option ${other}.`,
      'Use one of: on, optional; the rest goes to its view().',
    );
  const { on, optional } = options;
  if (typeof on !== 'function')
    throw optionInvalid(
      `on of a join is ${typeof on}.`,
      'Pass a function that gives the key in the other table.',
    );
  if (optional !== undefined && typeof optional !== 'boolean')
    throw optionInvalid(`optional of a join is ${typeof optional}.`, 'Pass true or false.');
}
