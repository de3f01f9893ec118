import * as fc from 'fast-check';
import type { TableDeclaration } from '../../src/index.ts';

/** A write to one of the tables of {@link declarations}. */
export type Write =
  | { readonly do: 'set'; readonly table: TableName; readonly key: number; readonly value: number }
  | { readonly do: 'delete'; readonly table: TableName; readonly key: number }
  | { readonly do: 'clear'; readonly table: TableName }
  | { readonly do: 'increment'; readonly table: TableName; readonly key: number; readonly value: number };

/** One step of a history. */
export type Step =
  | Write
  | { readonly do: 'batch'; readonly writes: readonly Write[]; readonly throws: boolean }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'reopen' };

export type TableName = 'counts' | 'names' | 'pairs' | 'fresh' | 'born';

/** Memory and sqlite, maps and a set, both kinds of expiry: see {@link declarationOf}. */
export const declarations = {
  counts: { key: 'string', value: 'count', backend: 'memory' },
  names: { key: 'int', value: 'string', backend: 'sqlite' },
  pairs: { key: ['addr', 'port'], backend: 'sqlite' },
  fresh: { key: 'string', value: 'int', backend: 'sqlite' },
  born: { key: 'string', backend: 'sqlite' },
} as const;

export const tableNames = Object.keys(declarations) as TableName[];

/** A table whose rows, if they expire, live so many milliseconds. */
export function declarationOf(table: TableName, lifetimeMs: number): TableDeclaration {
  if (table === 'fresh') return { ...declarations.fresh, writeExpire: lifetimeMs };
  if (table === 'born') return { ...declarations.born, createExpire: lifetimeMs };
  return declarations[table];
}

/** The key a number stands for, in the form the table gives it back. */
export function keyOf(table: TableName, number: number): unknown {
  if (table === 'names') return number;
  if (table === 'pairs') return [`10.0.0.${number}`, `${number}/tcp`];
  return number === 0 ? '' : `ключ ${number}`;
}

/** The value a number stands for; undefined for sets. */
export function valueOf(table: TableName, number: number): unknown {
  if (table === 'names') return number === 0 ? '' : `wörth ${number} \u{1f41f}`;
  return table === 'counts' || table === 'fresh' ? number : undefined;
}

const table = fc.constantFrom<TableName>('counts', 'names', 'names', 'pairs', 'fresh', 'born');
const key = fc.nat({ max: 5 });
const value = fc.nat({ max: 3 });

const write: fc.Arbitrary<Write> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), table, key, value }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), table, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), table }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('increment' as const),
      table: fc.constantFrom<TableName>('counts', 'fresh'),
      key,
      value,
    }),
  },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: write },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('batch' as const),
      writes: fc.array(write, { maxLength: 6 }),
      throws: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 1, 60, 600, 1100, 2500),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'reopen' as const }) },
);

/** Any history of one node. */
export const history: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 40, size: 'max' });
