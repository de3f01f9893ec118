import { expectTypeOf, it } from 'vitest';
import type { MapTable, SetTable, View, ViewRow } from '../../src/index.ts';

interface Host {
  readonly site: string;
  readonly failures: number;
}

/** Never called: what it says is checked by the compiler. */
function checked(table: MapTable<string, number | bigint>, set: SetTable<readonly [string, string]>): void {
  expectTypeOf(table.view()).toEqualTypeOf<View<string, number | bigint>>();
  const hosts = table.view({
    where: ({ key, value }) => key !== '' && value > 1,
    map: ({ key, value }): Host => ({ site: key, failures: Number(value) }),
  });
  expectTypeOf(hosts).toEqualTypeOf<View<string, Host>>();
  expectTypeOf(hosts.get('a')).toEqualTypeOf<Host | undefined>();
  const sites = table.view({
    map: ({ key, value }): Host => ({ site: key, failures: Number(value) }),
    groupBy: ({ value }) => value.site,
  });
  expectTypeOf(sites).toEqualTypeOf<View<string, readonly ViewRow<string, Host>[]>>();
  const sums = table.view({
    map: ({ key, value }): Host => ({ site: key, failures: Number(value) }),
    groupBy: ({ value }) => value.site,
    aggregate: {
      hosts: 'count',
      failures: { sum: ({ value }) => value.failures },
      worst: { max: ({ value }) => value.failures },
      first: { min: ({ key }) => key },
      mean: { avg: ({ value }) => value.failures },
    },
    orderBy: [{ descending: ({ value }) => value.failures }, ({ key }) => key],
    limit: 3,
  });
  expectTypeOf(sums.snapshot[0]!.key).toEqualTypeOf<string>();
  expectTypeOf(sums.snapshot[0]!.value).toEqualTypeOf<{
    readonly hosts: number;
    readonly failures: number | bigint;
    readonly worst: number | undefined;
    readonly first: string | undefined;
    readonly mean: number | undefined;
  }>();
  const whole = table.view({ aggregate: { rows: 'count', sum: { sum: ({ value }) => value } } });
  expectTypeOf(whole.get(undefined)?.rows).toEqualTypeOf<number | undefined>();
  expectTypeOf(set.view({ where: ({ key: [, port] }) => port === '80/tcp' })).toEqualTypeOf<
    View<readonly [string, string], undefined>
  >();
  const joined = table.join(set, { on: ({ key }) => [key, 'a'] as const, optional: true });
  const view = joined.view({
    where: ({ value: { right } }) => right === undefined,
    map: ({ value }) => value.left,
  });
  expectTypeOf(view).toEqualTypeOf<View<string, number | bigint>>();
  expectTypeOf(table.join(table, { on: ({ key }) => key }).view().snapshot[0]!.value.right).toEqualTypeOf<
    ViewRow<string, number | bigint>
  >();
  const loose: View[] = [table.view({ orderBy: ({ value }) => value })];
  loose.push(table.view({ groupBy: ({ value }) => value > 1, map: ({ value }) => value }));
  // @ts-expect-error on gives a key of the other table
  table.join(table, { on: ({ value }) => value });
  // @ts-expect-error where gives a boolean
  table.view({ where: ({ value }) => value });
  // @ts-expect-error no such aggregate
  table.view({ aggregate: { x: 'median' } });
  // @ts-expect-error no sum of texts
  table.view({ aggregate: { x: { sum: ({ key }) => key } } });
}

it('types of views follow from their options', () => {
  expectTypeOf(checked).returns.toBeVoid();
});
