import type { Joined, MapTable, View, ViewRow } from '../../src/index.ts';

export type Amount = number | bigint;
export type Amounts = MapTable<string, Amount>;
type Row = readonly [key: string, value: Amount];
type AmountRow = ViewRow<string, Amount>;

/** A question is what a view shows, and what the same question gives when it is asked anew. */
export interface Question {
  readonly name: string;
  readonly open: (table: Amounts, other: Amounts) => View;
  readonly anew: (
    rows: readonly Row[],
    others: ReadonlyMap<string, Amount>,
  ) => readonly (readonly [key: unknown, value: unknown])[];
  readonly isOrdered?: boolean;
}

const isEven = (value: Amount): boolean => BigInt(value) % 2n === 0n;
const valueOf = ({ value }: AmountRow): Amount => value;
const compare = (one: Amount, other: Amount): number => (one < other ? -1 : one > other ? 1 : 0);
const byKey = ([one]: Row, [other]: Row): number => (one < other ? -1 : one > other ? 1 : 0);

function grouped(rows: readonly Row[]): [boolean, Row[]][] {
  return [true, false].flatMap((even): [boolean, Row[]][] => {
    const found = rows.filter(([, value]) => isEven(value) === even);
    return found.length === 0 ? [] : [[even, found]];
  });
}

function summed(
  rows: readonly Row[],
): { readonly rows: number; readonly sum: Amount } & Record<string, unknown> {
  const values = rows.map(([, value]) => value).toSorted(compare);
  const sum = values.reduce((total: bigint, value) => total + BigInt(value), 0n);
  const isSafe = Number.isSafeInteger(Number(sum));
  return { rows: rows.length, sum: isSafe ? Number(sum) : sum, min: values[0], max: values.at(-1) };
}

const aggregate = {
  rows: 'count',
  sum: { sum: valueOf },
  min: { min: valueOf },
  max: { max: valueOf },
} as const;

/** The key of the other table that a row names. */
const named = ({ value }: AmountRow): string => `k${BigInt.asUintN(3, BigInt(value))}`;

const pairOf = ({ value: { left, right } }: ViewRow<string, Joined<Amount, AmountRow>>): string =>
  `${left} ${right.value}`;

/** One question for each way in which a view can be asked. */
export const questions: readonly Question[] = [
  {
    name: 'where and map',
    open: (table) => table.view({ where: ({ value }) => isEven(value), map: ({ value }) => `${value}` }),
    anew: (rows) => rows.filter(([, value]) => isEven(value)).map(([key, value]) => [key, `${value}`]),
  },
  {
    name: 'orderBy and limit',
    open: (table) => table.view({ orderBy: { descending: valueOf }, limit: 3 }),
    anew: (rows) => rows.toSorted((one, other) => compare(other[1], one[1]) || byKey(one, other)).slice(0, 3),
    isOrdered: true,
  },
  {
    name: 'groupBy',
    open: (table) => table.view({ groupBy: ({ value }) => isEven(value) }),
    anew: (rows) =>
      grouped(rows).map(([even, all]) => [
        even,
        all.map(([key, value]) => ({ key, value })).toSorted(byText),
      ]),
  },
  {
    name: 'groupBy, aggregate, orderBy and limit',
    open: (table) =>
      table.view({
        groupBy: ({ value }) => isEven(value),
        aggregate,
        orderBy: [{ descending: ({ value }) => value.sum }, ({ key }) => key],
        limit: 1,
      }),
    anew: (rows) =>
      grouped(rows)
        .map(([even, all]) => [even, summed(all)] as const)
        .toSorted(
          ([even, one], [otherEven, other]) =>
            compare(other.sum, one.sum) || Number(even) - Number(otherEven),
        )
        .slice(0, 1),
    isOrdered: true,
  },
  {
    name: 'aggregate',
    open: (table) => table.view({ aggregate }),
    anew: (rows) => [[undefined, summed(rows)]],
  },
  {
    name: 'a join',
    open: (table, other) => table.join(other, { on: named }).view({ map: pairOf }),
    anew: (rows, others) =>
      rows.flatMap(([key, value]) => {
        const right = others.get(named({ key, value }));
        return right === undefined ? [] : [[key, `${value} ${right}`] as const];
      }),
  },
  {
    name: 'an optional join, summed up',
    open: (table, other) =>
      table
        .join(other, { on: named, optional: true })
        .view({ aggregate: { alone: { sum: ({ value }) => (value.right === undefined ? 1 : 0) } } }),
    anew: (rows, others) => {
      const alone = rows.filter(([key, value]) => !others.has(named({ key, value }))).length;
      return [[undefined, { alone }]];
    },
  },
];

const byText = (one: unknown, other: unknown): number => (textOf(one) < textOf(other) ? -1 : 1);

/** A value as text, with what JSON does not tell apart. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_name, each: unknown) => {
    if (typeof each === 'bigint') return `${each}n`;
    return each === undefined ? 'nothing' : each;
  });
}

/** What a view shows as texts; without an order of its own, in that of the texts. */
export function shownBy(view: View, { isOrdered }: Question): string[] {
  const rows = view.snapshot.map(({ key, value }) =>
    textOf([key, Array.isArray(value) ? value.toSorted(byText) : value]),
  );
  return isOrdered === true ? rows : rows.toSorted();
}

/** What the question gives when it is asked anew. */
export function askedAnew(
  [table, other]: readonly [Amounts, Amounts],
  { anew, isOrdered }: Question,
): string[] {
  const rows = anew([...table], new Map(other)).map((row) => textOf(row));
  return isOrdered === true ? rows : rows.toSorted();
}
