import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import {
  type Change,
  type JsonValue,
  type MapTable,
  type SetTable,
  type StandardSchema,
  type TableNode,
  type TablecastError,
  defineTable,
  openNode,
  typed,
} from '../../src/index.ts';

interface Login {
  readonly user: string;
  readonly tries: number;
}

async function open(): Promise<TableNode> {
  const node = await openNode({ id: 'n' });
  onTestFinished(() => node.close());
  return node;
}

function failureOf(act: () => unknown): TablecastError {
  try {
    act();
  } catch (error) {
    return error as TablecastError;
  }
  throw new Error('It did not throw.');
}

/** Never called: what it says is checked by the compiler. */
function notDeclared(node: TableNode): void {
  // @ts-expect-error no duration
  node.table('t', { key: 'addr', writeExpire: '5 minutes' });
  // @ts-expect-error no unit
  node.table('t', { key: 'addr', createExpire: '5' });
  // @ts-expect-error no such unit
  node.table('t', { key: 'addr', createExpire: '5w' });
  // @ts-expect-error two expiries
  node.table('t', { key: 'addr', createExpire: '5m', writeExpire: '5m' });
  // @ts-expect-error complex values are to be asked for
  node.table('t', { key: 'addr', value: 'record' });
  // @ts-expect-error also with a schema
  node.table('t', { key: 'addr', value: { type: 'record', schema: z.object({}) } });
  // @ts-expect-error a set has no default
  node.table('t', { key: 'addr', default: 1 });
  // @ts-expect-error a key is atomic
  node.table('t', { key: 'record' });
  // @ts-expect-error a form of integers
  node.table('t', { key: 'addr', value: { type: 'string', as: 'bigint' } });
  // @ts-expect-error no such form
  node.table('t', { key: 'addr', value: { type: 'count', as: 'float' } });
  // @ts-expect-error no such type
  node.table('t', { key: 'adr', value: 'count' });
  // @ts-expect-error no such mode
  node.table('t', { key: 'addr', mode: 'last' });
}

describe('A declaration', () => {
  it('does not compile with what the node would refuse', () => {
    expectTypeOf(notDeclared).returns.toBeVoid();
  });

  it('takes every form of a duration', async () => {
    const node = await open();
    for (const [index, writeExpire] of (['400ms', '1.5s', '5m', '5min', '1h', '2d', 1000] as const).entries())
      expect(node.table(`t${index}`, { key: 'addr', writeExpire }).declaration.writeExpire).toBeTypeOf(
        'number',
      );
  });

  it('may be a definition, which all programs share, with what one node has otherwise', async () => {
    const hits = defineTable('hits', { key: ['addr', 'port'], value: 'count', writeExpire: '5m' });
    expectTypeOf(hits.declaration.writeExpire).toEqualTypeOf<'5m'>();
    const node = await open();
    const table = node.table(hits, { default: 7 });
    expectTypeOf(table).toEqualTypeOf<MapTable<readonly [string, string], number>>();
    expect([table.name, table.get(['10.0.0.1', '22/tcp'])]).toEqual(['hits', 7]);
    expect(node.table(hits)).toBe(table);
    expect(node.table('hits', hits.declaration)).toBe(table);
    expectTypeOf(node.table(defineTable('seen', { key: 'addr' }))).toEqualTypeOf<SetTable<string>>();
    // @ts-expect-error a node chooses no other type
    expect(failureOf(() => node.table(hits, { value: 'int' })).code).toBe('DECLARATION_DIFFERS');
    const failure = failureOf(() => defineTable('hits', { key: 'adr' as 'addr' }));
    expect([failure.code, failure.hint]).toEqual([
      'DECLARATION_INVALID',
      expect.stringContaining("Did you mean 'addr'?"),
    ]);
  });
});

describe('Complex values', () => {
  const arrangements: [string, StandardSchema<Login>][] = [
    ['zod', z.object({ user: z.string(), tries: z.number().int() })],
    ['valibot', v.object({ user: v.string(), tries: v.pipe(v.number(), v.integer()) })],
    ['arktype', type({ user: 'string', tries: 'number.integer' })],
  ];

  it.each(arrangements)('are checked where they are written, by a schema of %s', async (vendor, schema) => {
    const node = await open();
    const logins = node.table('logins', {
      key: 'string',
      value: { type: 'record', schema },
      complexValues: true,
    });
    expectTypeOf(logins.get('a')).toEqualTypeOf<Login | undefined>();
    logins.set('a', { user: 'u', tries: 1 });
    // @ts-expect-error a number
    const { code, message, hint } = failureOf(() => logins.set('b', { user: 'u', tries: 'many' }));
    expect(code).toBe('VALUE_INVALID');
    expect(message).toContain(`is not what its schema (${vendor}) says: tries: `);
    expect(message).toContain('(key b)');
    expect(hint).toContain('Nothing was written');
    expect([...logins]).toEqual([['a', { user: 'u', tries: 1 }]]);
    const plain = node.table('logins', { key: 'string', value: 'record', complexValues: true });
    expect(plain.get('a')).toBe(logins.get('a'));
    expect(logins.declaration).toEqual(plain.declaration);
  });

  it('are written as the schema makes them, and given back so', async () => {
    const node = await open();
    const schema = z.object({ user: z.string().trim(), tries: z.coerce.number().default(0) });
    const logins = node.table('l', { key: 'string', value: { type: 'record', schema }, complexValues: true });
    expectTypeOf(logins.get('a')).toEqualTypeOf<{ user: string; tries: number } | undefined>();
    logins.set('a', { user: ' u ' });
    expect(logins.get('a')).toEqual({ user: 'u', tries: 0 });
  });

  it('may have a type of the program without a schema', async () => {
    const node = await open();
    const logins = node.table('l', { key: 'string', value: typed<Login>('record'), complexValues: true });
    expectTypeOf(logins).toEqualTypeOf<MapTable<string, Login>>();
    logins.set('a', { user: 'u', tries: 1 });
    // @ts-expect-error a member is missing
    logins.set('b', { user: 'u' });
    expect(logins.get('a')?.tries).toBe(1);
    const any = node.table('any', { key: 'string', value: 'any', complexValues: true });
    expectTypeOf(any.get('a')).toEqualTypeOf<unknown>();
    any.set('a', [1] satisfies JsonValue);
  });

  it.each([
    ['a promise', () => Promise.reject(new Error('late')), /answers with a promise/],
    [
      'an error',
      () => {
        throw new Error('broken');
      },
      /its schema threw: broken/,
    ],
    [
      'many issues',
      () => ({ issues: Array.from({ length: 9 }, () => ({ message: 'x'.repeat(999) })) }),
      /and 6 more/,
    ],
  ])('are refused, and nothing is written, when a schema answers with %s', async (_, validate, problem) => {
    const node = await open();
    const schema = { '~standard': { version: 1, vendor: 'own', validate } } as StandardSchema<JsonValue>;
    const table = node.table('t', { key: 'string', value: { type: 'any', schema }, complexValues: true });
    const { code, message } = failureOf(() => table.set('a', 1));
    expect([code, message]).toEqual(['VALUE_INVALID', expect.stringMatching(problem)]);
    expect(message.length).toBeLessThan(900);
    expect([table.size, node.log.position]).toEqual([0, 0]);
  });

  it.each([
    [{ key: 'addr', value: { type: 'count', schema: z.number() } }, /gives a schema for the type "count"/],
    [
      { key: 'addr', value: { type: 'record', schema: {} }, complexValues: true },
      /gives an object as schema/,
    ],
    [{ key: 'addr', value: { type: 'record', schema: 5 }, complexValues: true }, /gives 5 as schema/],
  ])('are not declared with what is no schema of theirs: %j', async (declaration, problem) => {
    const node = await open();
    const { code, message } = failureOf(() => node.table('t', declaration as never));
    expect([code, message]).toEqual(['DECLARATION_INVALID', expect.stringMatching(problem)]);
  });
});

describe('A change', () => {
  it('holds what its kind says', async () => {
    const node = await open();
    const table = node.table('t', { key: 'string', value: 'count' });
    const told: number[] = [];
    table.changes.subscribe((change: Change<string, number>) => {
      if (change.kind === 'new') told.push(change.value + 1);
      else if (change.kind === 'changed') told.push(change.value - change.previous);
      else told.push(-change.previous);
    });
    table.set('a', 1).set('a', 5);
    table.delete('a');
    expect(told).toEqual([2, 4, -5]);
  });
});

describe('Every stream', () => {
  it('is followed by for await, from where the loop begins to the end of the node', async () => {
    const node = await openNode({ id: 'n' });
    const table = node.table('t', { key: 'string', value: 'count' });
    const told: [string, number | undefined][] = [];
    const events: string[] = [];
    const reading = (async () => {
      for await (const { kind, key, value } of table.changes) {
        expectTypeOf(kind).toEqualTypeOf<Change['kind']>();
        told.push([key, value]);
      }
    })();
    const looking = (async () => {
      for await (const { code } of node.events) events.push(code);
    })();
    table.set('a', 1).set('b', 2);
    await node.close();
    await Promise.all([reading, looking]);
    expect(told).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('fails a loop that is too slow as follow does, and ends with the loop', async () => {
    const node = await open();
    const table = node.table('t', { key: 'string', value: 'count' });
    const iterator = table.changes[Symbol.asyncIterator]();
    for (let index = 0; index < 1025; index++) table.set('a', index);
    for (let index = 0; index < 1024; index++) await iterator.next();
    await expect(iterator.next()).rejects.toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });
});
