import { ExactSum } from './exact-sum.ts';
import { type OrderKey, compareKeys, isOrderKey } from './order.ts';
import type { ViewRow } from './rows-of-views.ts';
import { type ItemOrder, SortedBlocks } from './sorted-blocks.ts';

/**
 * An aggregate says what of the rows of a group is summed up: `count` of rows, or of what a function gives for each the
 * exact `sum`, the `avg`, the `min` or the `max`. Rows for which it gives undefined or null are passed over.
 */
export type Aggregate<K = unknown, V = unknown> =
  | 'count'
  | {
      /** Gives what is added up, exactly. */
      readonly sum: (row: ViewRow<K, V>) => number | bigint | null | undefined;
    }
  | {
      /** Gives what the mean is taken of. */
      readonly avg: (row: ViewRow<K, V>) => number | bigint | null | undefined;
    }
  | {
      /** Gives what the least is taken of. */
      readonly min: (row: ViewRow<K, V>) => OrderKey;
    }
  | {
      /** Gives what the greatest is taken of. */
      readonly max: (row: ViewRow<K, V>) => OrderKey;
    };

/** Is the value that each aggregate has in the rows of a view. */
export type Aggregated<A> = {
  readonly [Name in keyof A]: A[Name] extends 'count'
    ? number
    : A[Name] extends { readonly sum: unknown }
      ? number | bigint
      : A[Name] extends { readonly avg: unknown }
        ? number | undefined
        : A[Name] extends {
              /** Gives what the least is taken of. */
              readonly min: (row: never) => infer Least;
            }
          ? NonNullable<Least> | undefined
          : A[Name] extends {
                /** Gives what the greatest is taken of. */
                readonly max: (row: never) => infer Most;
              }
            ? NonNullable<Most> | undefined
            : never;
};

/** An accumulator sums up the values of one group, and takes back those that go. */
interface Accumulator {
  add(value: unknown): void;
  remove(value: unknown): void;
  readonly result: unknown;
}

/** A column is an aggregate by its name: what of a row goes into it, and how it is summed up. */
export interface AggregateColumn {
  readonly name: string;
  /** Throws for what cannot be summed up. */
  readonly input: (row: ViewRow) => unknown;
  readonly begin: () => Accumulator;
}

class Count implements Accumulator {
  result = 0;

  add(): void {
    this.result++;
  }

  remove(): void {
    this.result--;
  }
}

class Sum implements Accumulator {
  readonly #sum = new ExactSum();
  readonly #isAverage: boolean;
  #count = 0;

  constructor(isAverage: boolean) {
    this.#isAverage = isAverage;
  }

  add(value: number | bigint): void {
    this.#count++;
    this.#sum.add(value);
  }

  remove(value: number | bigint): void {
    this.#count--;
    this.#sum.subtract(value);
  }

  get result(): number | bigint | undefined {
    if (!this.#isAverage) return this.#sum.value;
    return this.#count === 0 ? undefined : this.#sum.over(this.#count);
  }
}

const EXACTLY: ItemOrder<OrderKey> = {
  leading: (value) => value,
  isDescending: false,
  compare: compareExactly,
};

/** All values are kept in order: when the least goes, the next is the least. */
class Extreme implements Accumulator {
  readonly #values = new SortedBlocks<OrderKey>(EXACTLY);
  readonly #isLeast: boolean;

  constructor(isLeast: boolean) {
    this.#isLeast = isLeast;
  }

  add(value: OrderKey): void {
    this.#values.add(value);
  }

  remove(value: OrderKey): void {
    this.#values.delete(value);
  }

  get result(): OrderKey {
    return this.#isLeast ? this.#values.first : this.#values.last;
  }
}

/** As order keys compare; of equal numbers bigints come last, and 0 before -0, so that values of one place are alike. */
function compareExactly(one: OrderKey, other: OrderKey): number {
  const order = compareKeys(one, other);
  if (order !== 0 || Object.is(one, other)) return order;
  return rankOfNumber(one) - rankOfNumber(other);
}

function rankOfNumber(value: OrderKey): number {
  if (typeof value === 'bigint') return 2;
  return Object.is(value, -0) ? 1 : 0;
}

const isNumber = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint';

/** The ways of summing up, by the name that an aggregate has: which values they take, and what begins one. */
const WAYS: Readonly<
  Record<string, { readonly takes: (value: unknown) => boolean; readonly begin: () => Accumulator }>
> = {
  sum: { takes: isNumber, begin: () => new Sum(false) },
  avg: { takes: isNumber, begin: () => new Sum(true) },
  min: { takes: isOrderKey, begin: () => new Extreme(true) },
  max: { takes: isOrderKey, begin: () => new Extreme(false) },
};

/** Returns the column of an aggregate; undefined for what is none. */
export function columnOf(name: string, aggregate: unknown): AggregateColumn | undefined {
  if (aggregate === 'count') return { name, input: () => true, begin: () => new Count() };
  if (typeof aggregate !== 'object' || aggregate === null) return undefined;
  const entries: [string, unknown][] = Object.entries(aggregate);
  const [kind, read] = entries[0] ?? ['', undefined];
  const way = Object.hasOwn(WAYS, kind) ? WAYS[kind] : undefined;
  if (way === undefined || entries.length !== 1 || typeof read !== 'function') return undefined;
  const input = (row: ViewRow): unknown => {
    const value = (read as (row: ViewRow) => unknown)(row);
    if (value === undefined || value === null) return undefined;
    if (way.takes(value)) return value;
    throw new TypeError(`${kind} of ${name} was given a ${typeof value}.`);
  };
  return { name, input, begin: way.begin };
}
