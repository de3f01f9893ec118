import * as v from 'valibot';
import type { Aggregate } from './aggregates.ts';
import { optionInvalid } from './failure.ts';
import { anObject, isPlainObject } from '../options/an-object.ts';
import { checkedOptions } from '../options/checked-options.ts';
import { code, said } from '../options/words.ts';
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
 * The options say which rows are in a view, and what of them. The functions are asked about one row at a time,
 * whenever that row has changed. They give the same for the same row, read nothing else that changes, and write
 * nothing.
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

const ofRow = (sample: string) =>
  v.optional(
    v.pipe(v.custom<(row: never) => unknown>(isFunction), said('a function of one row', code(sample))),
  );

const order = v.pipe(
  v.custom<OrderBy<never, never>>(isOrder),
  said('a function of one row, { descending: function }, or a list of these', code('({ value }) => value')),
);

/** The options of a view as far as their form goes. */
export const viewOptionsSchema = anObject({
  where: ofRow('({ value }) => value > 3'),
  map: ofRow('({ key, value }) => value'),
  groupBy: ofRow('({ value }) => value'),
  aggregate: v.optional(
    v.pipe(v.custom<object>(isPlainObject), said('an object of aggregates by name', { rows: 'count' })),
  ),
  orderBy: v.optional(v.lazy((given): v.GenericSchema => (Array.isArray(given) ? v.array(order) : order))),
  limit: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
});

/** The options of a join as far as their form goes. */
export const joinOptionsSchema = anObject({
  on: v.pipe(
    v.custom<(row: never) => unknown>(isFunction),
    said('a function that gives the key in the other table', code('({ key }) => key')),
  ),
  optional: v.optional(v.boolean()),
});

function isFunction(given: unknown): boolean {
  return typeof given === 'function';
}

function isOrder(given: unknown): boolean {
  return isFunction(given) || (isPlainObject(given) && isFunction(given['descending']));
}

/** Throws `OPTION_INVALID` for what is no option of a view. */
export function checkOptions(options: AnyOptions): void {
  checkedOptions(viewOptionsSchema, options, { of: 'of a view' });
  if (options.limit === undefined || options.orderBy !== undefined) return;
  throw optionInvalid(
    'limit',
    'A view has a limit and no order.',
    'Say with orderBy which rows come first, so that it is the same everywhere.',
  );
}

/** Throws `OPTION_INVALID` for what is no option of a join. */
export function checkJoin(options: { readonly on?: unknown; readonly optional?: unknown }): void {
  checkedOptions(joinOptionsSchema, options, { of: 'of a join' });
}
