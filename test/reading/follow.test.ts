import fc from 'fast-check';
import { Subject, throwError } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Change,
  type Follower,
  type MapTable,
  type Operation,
  type Overflow,
  type TableNode,
  type TablecastError,
  follow,
  openNode,
} from '../../src/index.ts';
import { readLog } from '../support/read-log.ts';

const declaration = { key: 'string', value: 'count', backend: 'memory' } as const;
type Numbers = MapTable<string, number | bigint>;
type NumberChange = Change<string, number | bigint>;

let node: TableNode;
beforeEach(async () => {
  node = await openNode({ id: 'followed' });
});
afterEach(() => node.close());

type Step =
  | { readonly do: 'set' | 'delete'; readonly key: string }
  | { readonly do: 'clear' | 'elsewhere' | 'batch' }
  | { readonly do: 'read'; readonly values: number };

const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), key: keys }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key: keys }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('clear', 'elsewhere', 'batch') }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('read' as const), values: fc.integer({ min: 1, max: 4 }) }),
  },
);

interface Followed {
  readonly table: Numbers;
  /** Every change of the table. */
  readonly truth: readonly NumberChange[];
  /** What the reader was given. */
  readonly given: readonly NumberChange[];
  readonly skipped: number;
  readonly failure: TablecastError | undefined;
}

let runs = 0;

/** Writes, and reads now and then; in the end everything that there is to read. */
async function play(steps: readonly Step[], limit: number, overflow: Overflow): Promise<Followed> {
  const table = node.table(`numbers_${runs}`, declaration);
  const other = node.table(`others_${runs++}`, declaration);
  const truth: NumberChange[] = [];
  const given: NumberChange[] = [];
  table.changes.subscribe((change) => truth.push(change));
  const follower = follow(table.changes, { limit, overflow });
  let failure: TablecastError | undefined;
  const read = async (): Promise<void> => {
    try {
      const { value } = await follower.next();
      if (value !== undefined) given.push(value);
    } catch (error) {
      failure = error as TablecastError;
    }
  };
  let written = 0;
  for (const each of steps) {
    if (each.do === 'set') table.set(each.key, ++written);
    else if (each.do === 'delete') table.delete(each.key);
    else if (each.do === 'clear') table.clear();
    else if (each.do === 'elsewhere') other.set('x', ++written);
    else if (each.do === 'batch') node.batch(() => table.set('a', ++written).set('b', ++written).delete('c'));
    else if (each.do === 'read')
      for (let left = each.values; left > 0 && follower.waiting > 0; left--) await read();
    expect(follower.waiting).toBeLessThanOrEqual(limit);
  }
  table.set('end', ++written);
  for (; given.at(-1)?.key !== 'end'; await read()) if (failure !== undefined) break;
  await follower.return();
  return { table, truth, given, skipped: follower.skipped, failure };
}

/** What one knows of a table who is told these things in order. */
function mirrorOf(
  changes: readonly NumberChange[],
  operations: readonly Operation[] = [],
): Map<unknown, unknown> {
  const mirror = new Map<unknown, unknown>();
  for (const { key, value } of changes) {
    if (value === undefined) mirror.delete(key);
    else mirror.set(key, value);
  }
  for (const { kind, key, value } of operations) {
    if (kind === 'clear') mirror.clear();
    else if (kind === 'set') mirror.set(key, value);
    else mirror.delete(key);
  }
  return mirror;
}

/** What the log gives behind the position that a failure names. */
async function resumed({ table, failure }: Followed): Promise<{ after: number; operations: Operation[] }> {
  const after = failure?.details['after'] as number;
  const operations: Operation[] = [];
  for await (const operation of node.log.follow({ after, table: table.name, until: node.log.position }))
    operations.push(operation);
  return { after, operations };
}

async function check(
  limits: fc.Arbitrary<number>,
  overflow: Overflow,
  judge: (followed: Followed) => unknown,
) {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), limits, async (steps, limit) => {
      await judge(await play(steps, limit, overflow));
    }),
    { numRuns: 150 },
  );
}

const sorted = (rows: Iterable<readonly [unknown, unknown]>): unknown[] =>
  [...rows].toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1));

describe('a slow reader of changes', () => {
  it('that is to fail has, with the log behind the position it is told, everything once and in order', async () => {
    let failures = 0;
    await check(fc.integer({ min: 1, max: 6 }), 'fail', async (followed) => {
      const { table, truth, given, failure, skipped } = followed;
      expect(skipped).toBe(0);
      expect(given).toEqual(truth.slice(0, given.length));
      if (failure === undefined) return expect(given).toEqual(truth);
      failures++;
      expect(failure).toMatchObject({ code: 'LIMIT_EXCEEDED', retryable: true });
      const { after, operations } = await resumed(followed);
      const all = await readLog(node, { table: table.name });
      expect(operations).toEqual(all.filter(({ position }) => position > after));
      // Nothing is missing between the two, and nothing twice but a `clear` that was told in part.
      for (const { operation } of truth.slice(given.length))
        expect(operation.position).toBeGreaterThan(after);
      for (const { kind, operation } of given) if (operation.position > after) expect(kind).toBe('cleared');
      expect(sorted(mirrorOf(given, operations))).toEqual(sorted(table));
    });
    expect(failures).toBeGreaterThan(20);
  });

  it('that wants the latest of each key ends with the rows, whatever it was not told in between', async () => {
    let left = 0;
    await check(fc.integer({ min: 6, max: 9 }), 'latest', ({ table, truth, given, skipped, failure }) => {
      expect(failure).toBeUndefined();
      expect(given.length + skipped).toBe(truth.length);
      expect(sorted(mirrorOf(given))).toEqual(sorted(table));
      left += skipped;
    });
    expect(left).toBeGreaterThan(20);
  });

  it('that wants the latest of more keys than may wait loses nothing either', async () => {
    let failures = 0;
    await check(fc.integer({ min: 1, max: 4 }), 'latest', async (followed) => {
      if (followed.failure === undefined) return;
      failures++;
      const { operations } = await resumed(followed);
      expect(sorted(mirrorOf(followed.given, operations))).toEqual(sorted(followed.table));
    });
    expect(failures).toBeGreaterThan(20);
  });

  it('that lets the oldest go has the newest, in order, and how many are missing', async () => {
    let left = 0;
    await check(fc.integer({ min: 1, max: 6 }), 'drop-oldest', ({ truth, given, skipped, failure }) => {
      expect(failure).toBeUndefined();
      expect(given.length + skipped).toBe(truth.length);
      const indexes = given.map((change) => truth.indexOf(change));
      expect(indexes).toEqual(indexes.toSorted((one, other) => one - other));
      expect(indexes.at(-1)).toBe(truth.length - 1);
      left += skipped;
    });
    expect(left).toBeGreaterThan(20);
  });

  it('of composite keys and of conflicts has the latest of each', async () => {
    const pairs = node.table('pairs', { key: ['string', 'count'], value: 'count' });
    const follower = follow(pairs.changes, { overflow: 'latest', limit: 2 });
    for (let value = 1; value <= 5; value++) pairs.set(['a', 1], value).set(['a', 2], value);
    expect(follower).toMatchObject({ waiting: 2, skipped: 8 });
    expect((await follower.next()).value).toMatchObject({ key: ['a', 1], value: 5, previous: 4 });
    pairs.set(['a', 1], 6);
    expect((await follower.next()).value).toMatchObject({ key: ['a', 2], value: 5 });
    expect((await follower.next()).value).toMatchObject({ key: ['a', 1], value: 6 });
    follow(pairs.conflicts, { overflow: 'latest' });
  });

  it('that is to fail goes on before an operation of which it was not told all changes', async () => {
    const table = node.table('cleared', declaration);
    for (let row = 0; row < 10; row++) table.set(`k${row}`, row);
    const follower = follow(table.changes, { limit: 4 });
    table.set('k0', 10).clear();
    expect((await follower.next()).value).toMatchObject({ kind: 'changed', key: 'k0' });
    await expect(follower.next()).rejects.toMatchObject({ details: { after: 11, limit: 4 } });
  });

  it('holds up nobody: others are told at once', async () => {
    const table = node.table('quick', declaration);
    const seen: unknown[] = [];
    const follower = follow(table.changes, { limit: 3 });
    table.changes.subscribe(({ value }) => seen.push(value));
    for (let value = 1; value <= 1000; value++) table.set('a', value);
    expect(seen).toHaveLength(1000);
    expect(follower.waiting).toBe(3);
    await follower.return();
  });
});

describe('a follower', () => {
  const numbersOf = async (follower: Follower<number>, count: number): Promise<number[]> => {
    const read: number[] = [];
    for await (const value of follower) if (read.push(value) === count) break;
    return read;
  };

  it('gives what waits before the end of its stream, and before its error', async () => {
    const stream = new Subject<number>();
    const follower = follow(stream);
    for (const value of [1, 2, 3]) stream.next(value);
    stream.complete();
    expect(await numbersOf(follower, 9)).toEqual([1, 2, 3]);
    await expect(follow(throwError(() => new Error('away'))).next()).rejects.toThrow('away');
  });

  it('gives values to several who wait in the order in which they asked, and the end to the others', async () => {
    const stream = new Subject<number>();
    const follower = follow(stream);
    const asked = [follower.next(), follower.next(), follower.next()];
    stream.next(1);
    stream.next(2);
    await follower.return();
    stream.next(3);
    expect(await Promise.all(asked)).toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
      { done: true, value: undefined },
    ]);
    expect(await follower.next()).toEqual({ done: true, value: undefined });
  });

  it('lets go of its stream when it is left, when it fails, and when nobody reads it any more', async () => {
    const stream = new Subject<number>();
    const left = numbersOf(follow(stream), 1);
    stream.next(1);
    expect(await left).toEqual([1]);
    expect(stream.observed).toBe(false);
    const failing = follow(stream, { limit: 2 });
    for (const value of [1, 2, 3, 4]) stream.next(value);
    expect(stream.observed).toBe(false);
    expect([await failing.next(), await failing.next()].map(({ value }) => value)).toEqual([1, 2]);
    await expect(failing.next()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', details: { limit: 2 } });
    expect(await failing.next()).toEqual({ done: true, value: undefined });
  });

  it('takes from the front in constant time, however much waits', async () => {
    const stream = new Subject<number>();
    const follower = follow(stream, { limit: 100_000, overflow: 'drop-oldest' });
    const begun = process.cpuUsage().user;
    for (let value = 0; value < 200_000; value++) stream.next(value);
    for (let value = 100_000; value < 200_000; value++) expect((await follower.next()).value).toBe(value);
    // Beginning at the first place each time would take minutes.
    expect((process.cpuUsage().user - begun) / 1e6).toBeLessThan(8);
  });

  it('ends with the node, after what was told', async () => {
    const table = node.table('ending', declaration);
    const changes = follow(table.changes);
    const events = follow(node.events, { overflow: 'drop-oldest', limit: 10 });
    table.set('a', 1);
    await node.close();
    expect((await changes.next()).value).toMatchObject({ key: 'a', value: 1 });
    expect((await changes.next()).done).toBe(true);
    expect((await events.next()).done).toBe(true);
  });

  it.each([{ limit: 0 }, { limit: 1.5 }, { limit: 1_048_577 }, { overflow: 'block' as Overflow }])(
    'is not had with %j',
    (options) => {
      expect(() => follow(new Subject<NumberChange>(), options)).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      );
    },
  );

  it('knows the latest only of what has a key', async () => {
    const stream = new Subject<{ readonly code: string }>();
    // @ts-expect-error Events have no key.
    const follower = follow(stream, { overflow: 'latest' });
    stream.next({ code: 'log-torn' });
    await expect(follower.next()).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });
});
