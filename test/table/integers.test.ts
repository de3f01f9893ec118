import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest';
import { type Change, type Conflict, type TablecastError, openNode } from '../../src/index.ts';
import { readLog } from '../support/read-log.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';
import { ask, openWithHttp } from '../http/support.ts';

const clusterOf = clustersOfATest();

const LARGE = 2n ** 60n;
const asNumber = { key: 'string', value: 'count' } as const;
const asBigint = { key: 'string', value: { type: 'count', as: 'bigint' } } as const;
const asExact = { key: 'string', value: { type: 'count', as: 'exact' } } as const;

function failureOf(act: () => unknown): TablecastError {
  try {
    act();
  } catch (error) {
    return error as TablecastError;
  }
  throw new Error('It did not throw.');
}

function expectTooLarge(act: () => unknown): void {
  const { code, message, hint } = failureOf(act);
  expect(code).toBe('INTEGER_TOO_LARGE');
  expect(message).toContain(String(LARGE));
  expect(hint).toContain("{ type: 'count', as: 'bigint' }");
}

async function apart() {
  const cluster = await clusterOf({ size: 2 });
  const [one, two] = [cluster.node(0), cluster.node(1)];
  return { cluster, there: one.table('t', asBigint), here: two.table('t', asNumber), node: two };
}

describe('Integers', () => {
  it('are numbers unless a column asks otherwise, and each program has the form that it asked for', async () => {
    const node = await openNode({ id: 'n' });
    onTestFinished(() => node.close());
    const numbers = node.table('t', asNumber);
    const bigints = node.table('t', asBigint);
    const exact = node.table('t', asExact);
    expectTypeOf(numbers.get('a')).toEqualTypeOf<number | undefined>();
    expectTypeOf(bigints.get('a')).toEqualTypeOf<bigint | undefined>();
    expectTypeOf(exact.get('a')).toEqualTypeOf<number | bigint | undefined>();
    numbers.set('a', 1);
    expect(numbers.get('a')! + 1).toBe(2);
    expect(numbers.increment('a')).toBe(2);
    expect(bigints.increment('a', 2n ** 53n)).toBe(2n ** 53n + 2n);
    expect([...bigints]).toEqual([['a', 2n ** 53n + 2n]]);
    expect([...exact]).toEqual([['a', 2n ** 53n + 2n]]);
    bigints.set('a', 5n);
    expect([numbers.get('a'), bigints.get('a'), exact.get('a')]).toEqual([5, 5n, 5]);
    expect(node.table('t', asNumber)).toBe(numbers);
    expect(node.table('t', asBigint)).toBe(bigints);
    expect(node.table('t', { key: 'string', value: { type: 'count', as: 'number' } })).toBe(numbers);
    expect(node.tables.get('t')).toBe(numbers);
    expect(numbers.declaration).toEqual(bigints.declaration);
  });

  it('of a key are read likewise, also as one of several columns', async () => {
    const node = await openNode({ id: 'n' });
    onTestFinished(() => node.close());
    const keys = node.table('k', { key: { type: 'int', as: 'bigint' } });
    const pairs = node.table('p', { key: ['addr', { type: 'count', as: 'bigint' }], value: 'count' });
    expectTypeOf([...keys]).toEqualTypeOf<bigint[]>();
    expectTypeOf([...pairs.keys()]).toEqualTypeOf<(readonly [string, bigint])[]>();
    keys.add(-5n).add(-(2n ** 60n));
    pairs.set(['10.0.0.1', 7n], 1);
    expect([...keys]).toEqual([-5n, -(2n ** 60n)]);
    expect([...pairs]).toEqual([[['10.0.0.1', 7n], 1]]);
    const numbers = node.table('k', { key: 'int' });
    expect(failureOf(() => [...numbers]).code).toBe('INTEGER_TOO_LARGE');
    expect(numbers.has(-5)).toBe(true);
    expect(keys.delete(-(2n ** 60n))).toBe(true);
    expect([...numbers]).toEqual([-5]);
    const narrow = node.table('p', { key: ['addr', 'count'], value: 'count' });
    expect([...narrow.keys()]).toEqual([['10.0.0.1', 7]]);
    pairs.set(['10.0.0.1', LARGE], 2);
    expectTooLarge(() => [...narrow.keys()]);
  });
});

describe('An integer that no number holds, read as a number', () => {
  it('is an error where it is read, and nowhere else: nothing is rounded, lost or apart', async () => {
    const { cluster, there, here, node } = await apart();
    const changes: Change<string, number>[] = [];
    here.changes.subscribe((change) => changes.push(change));
    there.set('a', LARGE);
    there.set('b', 1n);
    await cluster.run(1000);
    expectTooLarge(() => here.get('a'));
    expectTooLarge(() => [...here]);
    expectTooLarge(() => [...here.values()]);
    expectTooLarge(() => here.forEach(() => undefined));
    expectTooLarge(() => here.increment('a'));
    expect([...here.keys()]).toEqual(['a', 'b']);
    expect([here.size, here.has('a'), here.get('b')]).toEqual([2, true, 1]);
    expect(changes.map(({ kind, key }) => [kind, key])).toEqual([
      ['new', 'a'],
      ['new', 'b'],
    ]);
    expectTooLarge(() => changes[0]!.value);
    expect(changes[0]!.operation.value).toBe(LARGE);
    expect(changes[1]!.value).toBe(1);
    expect([...node.table('t', asExact)]).toEqual([
      ['a', LARGE],
      ['b', 1],
    ]);
    here.set('a', 3);
    await cluster.run(1000);
    expect([here.get('a'), there.get('a')]).toEqual([3, 3n]);
    expectTooLarge(() => changes.at(-1)!.previous);
  });

  it('stands in conflicts, divergence and concurrent values as in changes', async () => {
    const { cluster, there, here } = await apart();
    const conflicts: Conflict<string, number>[] = [];
    here.conflicts.subscribe((conflict) => conflicts.push(conflict));
    await cluster.run(1000);
    cluster.setCut(0, 1, true);
    there.set('a', LARGE);
    here.set('a', 1);
    cluster.setCut(0, 1, false);
    await cluster.run(30_000);
    expect(conflicts).toHaveLength(1);
    const [{ key, kept, lost }] = conflicts as [Conflict<string, number>];
    expect([key, lost.value]).toEqual(['a', 1]);
    expectTooLarge(() => kept.value);
    expectTooLarge(() => here.conflictsOf('a')[0]!.value);
    expect(here.conflictsOf('a')[0]!.winner).toBe(true);
    expect(there.conflictsOf('a')[0]!.value).toBe(1n);
  });

  it('ends a view that reads it, with how to ask for it, and no other', async () => {
    const { cluster, there, here } = await apart();
    const keys = here.view({ map: ({ key }) => key });
    const sums = here.view({ aggregate: { sum: { sum: ({ value }) => value } } });
    const plain = here.view();
    const exact = there.view({ aggregate: { sum: { sum: ({ value }) => value } } });
    there.set('b', 1n);
    there.set('a', LARGE);
    await cluster.run(1000);
    expect(keys.snapshot.map(({ value }) => value)).toEqual(['b', 'a']);
    const { code, message, hint } = failureOf(() => sums.snapshot);
    expect([code, message]).toEqual(['VIEW_FAILED', expect.stringContaining(String(LARGE))]);
    expect(hint).toContain("{ type: 'count', as: 'bigint' }");
    expect(exact.get(undefined)?.sum).toBe(LARGE + 1n);
    expectTooLarge(() => plain.snapshot[1]!.value);
  });

  it('is refused where it is written, with how to ask for it; nothing is written then', async () => {
    const node = await openNode({ id: 'n' });
    onTestFinished(() => node.close());
    const numbers = node.table('t', asNumber).set('a', Number.MAX_SAFE_INTEGER);
    for (const act of [
      () => numbers.increment('a'),
      () => numbers.set('a', LARGE as unknown as number),
      () => numbers.set('a', 2 ** 60),
    ]) {
      const { code, hint } = failureOf(act);
      expect([code, hint]).toEqual([
        'VALUE_INVALID',
        expect.stringContaining("{ type: 'count', as: 'bigint' }"),
      ]);
    }
    expect([...numbers]).toEqual([['a', Number.MAX_SAFE_INTEGER]]);
    expect(node.log.position).toBe(1);
  });

  it('is exact over HTTP, in SQL, on disk and in a default', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tablecast-integers-test-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const sqlite = { ...asNumber, backend: 'sqlite' } as const;
    const node = await openWithHttp({ directory });
    const table = node.table('t', sqlite);
    const put = await ask(node.url, '/v1/tables/t/rows/a', { method: 'PUT', body: { value: String(LARGE) } });
    expect(put.status).toBe(200);
    expect((await ask(node.url, '/v1/tables/t/rows/a')).json['value']).toBe(String(LARGE));
    expectTooLarge(() => table.get('a'));
    expect((await readLog(node)).map(({ value }) => value)).toEqual([LARGE]);
    expect([...(await node.log.stateAt({ table: 't' }))]).toEqual([['a', LARGE]]);
    const { rows } = await node.query('SELECT value FROM t');
    expect(rows).toEqual([{ value: LARGE }]);
    await node.close();
    const again = await openNode({ id: node.id, directory });
    onTestFinished(() => again.close());
    const exact = again.table('t', { ...asBigint, backend: 'sqlite', default: LARGE });
    expect([exact.get('a'), exact.get('none')]).toEqual([LARGE, LARGE]);
    const numbers = again.table('t', { ...sqlite, default: LARGE });
    expectTooLarge(() => numbers.get('none'));
  });
});

describe('A column that asks for a form', () => {
  it.each([
    [
      { key: 'addr', value: { type: 'count', as: 'bigin' } },
      /asks for count as "bigin"/,
      /Did you mean 'bigint'/,
    ],
    [
      { key: 'addr', value: { type: 'string', as: 'bigint' } },
      /type "string" as "bigint"/,
      /Only count and int/,
    ],
    [{ key: { type: 'addr', as: 'number' } }, /key type "addr" as "number"/, /Only count and int/],
    [{ key: { type: 'count', is: 'bigint' } }, /unknown member "is" of a key column/, /as: 'bigint'/],
    [{ key: { as: 'bigint' } }, /key column without a type/, /as: 'bigint'/],
    [{ key: 'addr', value: {} }, /value column without a type/, /as: 'bigint'/],
  ])('wrongly, as %j, is refused with what to write', async (declaration, problem, hint) => {
    const node = await openNode({ id: 'n' });
    onTestFinished(() => node.close());
    const failure = failureOf(() => node.table('t', declaration as never));
    expect(failure.code).toBe('DECLARATION_INVALID');
    expect(failure.message).toMatch(problem);
    expect(failure.hint).toMatch(hint);
  });
});
