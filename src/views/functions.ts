import { type AggregateColumn, columnOf } from './aggregates.ts';
import { nameOf, optionInvalid, viewFailed } from './failure.ts';
import type { AnyOptions } from './options.ts';
import { type OrderKey, isOrderKey } from './order.ts';
import type { ViewRow } from './rows-of-views.ts';

/** A function of a view, which throws `VIEW_FAILED` for what it cannot be asked about. */
export type Asked<T> = (row: ViewRow) => T;

/** The functions of a view, as its options say. */
export interface Functions {
  readonly where: Asked<boolean> | undefined;
  readonly map: Asked<unknown> | undefined;
  readonly groupBy: Asked<unknown> | undefined;
  /** Undefined without aggregates. */
  readonly columns: readonly AggregateColumn[] | undefined;
  readonly orderBy: readonly { readonly by: Asked<OrderKey>; readonly isDescending: boolean }[];
}

/** Throws `OPTION_INVALID` for aggregates and orders that are none. */
export function functionsOf(options: AnyOptions, table: string): Functions {
  const asked = <T>(
    what: string,
    ask: ((row: never) => unknown) | undefined,
    take: (answer: unknown) => answer is T,
  ): Asked<T> | undefined =>
    ask === undefined ? undefined : askedAs(ask as Asked<unknown>, { what, table, take });
  const { where, map, groupBy, aggregate, orderBy } = options;
  return {
    where: asked('where', where, isBoolean),
    map: asked('map', map, isSettled),
    groupBy: asked('groupBy', groupBy, isGroupKey),
    columns: aggregate === undefined ? undefined : columnsOf(aggregate, table),
    orderBy: (orderBy === undefined ? [] : [orderBy].flat()).map((order) => {
      const isDescending = typeof order === 'object' && order !== null && 'descending' in order;
      const by: unknown = isDescending ? order.descending : order;
      return {
        by: askedAs(by as Asked<unknown>, { what: 'orderBy', table, take: isOrderKey }),
        isDescending,
      };
    }),
  };
}

function columnsOf(aggregate: object, table: string): AggregateColumn[] {
  return Object.entries(aggregate).map(([name, each]) => {
    const column = columnOf(name, each);
    if (column === undefined)
      throw optionInvalid(
        `aggregate.${name}`,
        `Option aggregate.${name} of a view is no aggregate: it takes 'count', { sum }, { avg }, { min } or { max }.`,
        'For example: { total: { sum: ({ value }) => value } }.',
      );
    return { ...column, input: askedAs(column.input, { what: name, table, take: isSettled }) };
  });
}

function askedAs<T>(
  ask: Asked<unknown>,
  on: {
    readonly what: string;
    readonly table: string;
    readonly take: (answer: unknown) => answer is T;
  },
): Asked<T> {
  return (row) => {
    try {
      const answer = ask(row);
      if (on.take(answer)) return answer;
      throw new TypeError(`it gave ${nameOf(answer)}, which is no answer.`);
    } catch (error) {
      throw viewFailed({ table: on.table, what: on.what, key: row.key }, error);
    }
  };
}

const isBoolean = (answer: unknown): answer is boolean => typeof answer === 'boolean';
/** A promise would be shown as the value, and what it is rejected with end the process. */
const isSettled = (answer: unknown): answer is unknown =>
  typeof answer !== 'object' || !(answer instanceof Promise);
const isGroupKey = (answer: unknown): answer is unknown =>
  Array.isArray(answer) ? answer.every(isOrderKey) : isOrderKey(answer);
