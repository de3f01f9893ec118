import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MapTable, type UndoOptions, isTablecastError } from '../../src/index.ts';
import { type Cluster, createCluster } from '../support/cluster.ts';

const counts = { key: 'string', value: 'int' } as const;
type Numbers = MapTable<string, number>;
const MODES = ['naive', 'lww', 'automerge'] as const;

async function pair(mode: (typeof MODES)[number]): Promise<{ cluster: Cluster; tables: [Numbers, Numbers] }> {
  const cluster = await createCluster({ size: 2 });
  const tables = cluster.declare('t', { ...counts, mode }) as unknown as [Numbers, Numbers];
  await cluster.run(500);
  return { cluster, tables };
}

type Step = {
  readonly by: 0 | 1;
  readonly kind: 'set' | 'delete' | 'increment' | 'clear';
  readonly key: string;
  readonly value: number;
};

/** What a table holds after steps, one after the other, and who decided of each key last. */
function modelOf(steps: readonly Step[]): { rows: Map<string, number>; last: Map<string, 0 | 1> } {
  const rows = new Map<string, number>();
  const last = new Map<string, 0 | 1>();
  for (const { by, kind, key, value } of steps) {
    if (kind === 'clear') {
      for (const each of rows.keys()) last.set(each, by);
      rows.clear();
      continue;
    }
    last.set(key, by);
    if (kind === 'delete') rows.delete(key);
    else rows.set(key, kind === 'set' ? value : (rows.get(key) ?? 0) + value);
  }
  return { rows, last };
}

function act(table: Numbers, { kind, key, value }: Step): void {
  if (kind === 'set') table.set(key, value);
  else if (kind === 'delete') table.delete(key);
  else if (kind === 'increment') table.increment(key, value);
  else table.clear();
}

const step = fc.record<Step>({
  by: fc.constantFrom(0, 1),
  kind: fc.constantFrom('set', 'set', 'set', 'delete', 'clear'),
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  value: fc.integer({ min: 1, max: 9 }),
});

describe('an undo', () => {
  it.each(MODES)(
    'leaves in mode %s what there would be without the author, wherever nobody else wrote over it',
    async (mode) => {
      const history = fc.tuple(
        fc.array(step, { maxLength: 6 }),
        fc.array(step, { minLength: 1, maxLength: 10 }),
      );
      await fc.assert(
        fc.asyncProperty(history, async ([before, after]) => {
          const { cluster, tables } = await pair(mode);
          const run = async (steps: readonly Step[]): Promise<void> => {
            for (const each of steps) {
              act(tables[each.by], each);
              await cluster.run(50);
            }
          };
          await run(before);
          const { position } = cluster.node(0).log;
          await run(after);
          const all = modelOf([...before, ...after]);
          const without = modelOf([...before, ...after.filter(({ by }) => by === 0)]);
          await cluster.time.until(tables[0].undo({ origin: 'n1', since: { position } }));
          await cluster.run(200);
          const since = modelOf(after).last;
          const decided = modelOf([...before, ...after]).last;
          for (const key of ['a', 'b', 'c', 'd']) {
            const isAuthors =
              decided.get(key) === 1 &&
              (since.has(key) || after.some(({ by, kind }) => by === 1 && kind === 'clear'));
            const expected = (isAuthors ? without : all).rows.get(key);
            expect([key, tables[0].get(key)]).toEqual([key, expected]);
          }
          expect(new Map(tables[1])).toEqual(new Map(tables[0]));
          await cluster.close();
        }),
        { numRuns: 25 },
      );
    },
    60_000,
  );

  it('in mode automerge subtracts what the author added, also where others added since', async () => {
    const { cluster, tables } = await pair('automerge');
    const [here, there] = tables;
    here.increment('hits', 10);
    await cluster.run(200);
    const { position } = cluster.node(0).log;
    there.increment('hits', 5);
    there.increment('hits', 2);
    await cluster.run(200);
    here.increment('hits', 100);
    await cluster.run(200);
    const plan = await cluster.time.until(here.undo({ origin: 'n1', since: { position } }));
    expect(plan.writes).toEqual([{ key: 'hits', kind: 'increment', value: -7 }]);
    await cluster.run(200);
    expect(tables.map((table) => table.get('hits'))).toEqual([110, 110]);
    there.increment('begun there', 4);
    await cluster.run(200);
    here.increment('begun there', 1);
    await cluster.run(200);
    await cluster.time.until(here.undo({ origin: 'n1', since: { position } }));
    expect(here.get('begun there')).toBe(1);
    await cluster.close();
  });

  it('is looked at before it is made, and passes over what is written meanwhile', async () => {
    const { cluster, tables } = await pair('lww');
    const [here, there] = tables;
    here.set('a', 1).set('b', 1).set('c', 1);
    await cluster.run(500);
    const time = cluster.time.now;
    there.set('a', 2).set('b', 2);
    there.delete('c');
    there.set('d', 2);
    await cluster.run(500);
    here.set('b', 3);
    const plan = await cluster.time.until(here.undo({ origin: 'n1', since: { time }, dryRun: true }));
    expect(plan.writes).toEqual([
      { key: 'a', kind: 'set', value: 1 },
      { key: 'c', kind: 'set', value: 1 },
      { key: 'd', kind: 'delete', value: undefined },
    ]);
    expect([plan.kept, here.get('a'), here.has('d')]).toEqual([1, 2, true]);
    here.set('d', 9);
    expect(await cluster.time.until(plan.apply())).toBe(2);
    await cluster.run(500);
    expect(Object.fromEntries(there)).toEqual({ a: 1, b: 3, c: 1, d: 9 });
    await cluster.close();
  });

  it('is refused where the log does not reach back, and for what says no author or no time', async () => {
    const cluster = await createCluster({ size: 1, limits: { maxMemoryLogBytes: 2000 } });
    const table = cluster.node(0).table('t', { ...counts, value: 'string' });
    table.set('old', 'v');
    for (let round = 0; round < 3000; round++) {
      table.set('new', `${round} `.padEnd(4000, 'x'));
      if (round % 100 === 0) await cluster.run(1);
    }
    const codeOf = async (options: UndoOptions): Promise<unknown> =>
      cluster.time.until(
        table.undo(options).then(
          () => undefined,
          (error: unknown) => (isTablecastError(error) ? error.code : error),
        ),
      );
    expect(await codeOf({ origin: 'n0', since: { position: 0 } })).toBe('LOG_TRIMMED');
    expect(await codeOf({ origin: '', since: { position: 0 } })).toBe('OPTION_INVALID');
    expect(await codeOf({ origin: 'n0', since: { time: Number.NaN } })).toBe('OPTION_INVALID');
    expect(table.size).toBe(2);
    await cluster.close();
  });
});

describe('an undo of counters whose range ends at 0', () => {
  const counters = { key: 'string', value: 'count', mode: 'automerge' } as const;

  async function three(): Promise<{ cluster: Cluster; tables: Numbers[]; apart: (cut: boolean) => void }> {
    const cluster = await createCluster({ size: 3 });
    const tables = cluster.declare('t', counters) as unknown as Numbers[];
    await cluster.run(500);
    const apart = (cut: boolean): void => {
      for (const [one, other] of [
        [0, 1],
        [0, 2],
        [1, 2],
      ] as const)
        cluster.setCut(one, other, cut);
    };
    return { cluster, tables, apart };
  }

  it('ends there where less would be left, and the sum goes on from what it is', async () => {
    const { cluster, tables } = await three();
    const [one, two, three_] = tables as [Numbers, Numbers, Numbers];
    one.increment('k', 5);
    await cluster.run(500);
    two.increment('k', -3);
    await cluster.run(500);
    expect(await undoneBy(cluster, three_, { origin: 'n0', since: { position: 0 } })).toBe(1);
    await cluster.run(500);
    expect(tables.map((table) => table.get('k'))).toEqual([0, 0, 0]);
    two.increment('k', 10);
    await cluster.run(500);
    expect(tables.map((table) => table.get('k'))).toEqual([7, 7, 7]);
    await cluster.close();
  });

  it('sets no value that the type does not have', async () => {
    const { cluster, tables, apart } = await three();
    const [one, two, three_] = tables as [Numbers, Numbers, Numbers];
    two.set('k', 5);
    await cluster.run(500);
    apart(true);
    two.increment('k', -4);
    three_.increment('k', -4);
    apart(false);
    await cluster.run(60_000);
    one.set('k', 10);
    await cluster.run(500);
    expect(await undoneBy(cluster, two, { origin: 'n0', since: { position: 0 } })).toBe(1);
    await cluster.run(500);
    expect(tables.map((table) => table.get('k'))).toEqual([0, 0, 0]);
    await cluster.close();
  });
});

it('an undo says of options that are none what it takes', async () => {
  const { cluster, tables } = await pair('lww');
  for (const options of [
    undefined,
    {},
    { origin: 'n0' },
    { origin: 'n0', since: 5 },
    { origin: 'n0', since: {} },
  ])
    await expect(tables[0].undo(options as unknown as UndoOptions)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
  await cluster.close();
});

it('an undo is made, and told, also where it writes what this program cannot read', async () => {
  const { cluster, tables } = await pair('lww');
  const exact = cluster
    .node(1)
    .table('t', { key: 'string', value: { type: 'int', as: 'bigint' }, mode: 'lww' });
  exact.set('k', 2n ** 60n);
  await cluster.run(500);
  tables[0].set('k', 1);
  await cluster.run(500);
  const { writes } = await cluster.time.until(tables[1].undo({ origin: 'n0', since: { position: 0 } }));
  expect(exact.get('k')).toBe(2n ** 60n);
  expect(writes).toMatchObject([{ kind: 'set', key: 'k' }]);
  expect(() => writes[0]?.value).toThrow(/exact up to/);
  await cluster.close();
});

async function undoneBy(cluster: Cluster, table: Numbers, options: UndoOptions): Promise<number> {
  const { writes } = await cluster.time.until(table.undo(options));
  return writes.length;
}
