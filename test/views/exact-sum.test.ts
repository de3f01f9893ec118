import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExactSum } from '../../src/views/exact-sum.ts';

const number = fc.oneof(
  fc.double(),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.integer(),
  fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53 - 1, 0.1, -0),
);
const mixed = fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }));

function sumOf(values: readonly (number | bigint)[]): ExactSum {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum;
}

describe('an exact sum', () => {
  it('is the same whatever came and went, and in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(number, fc.boolean())), fc.nat(), (values, turn) => {
        const kept = values.filter(([, isKept]) => isKept).map(([value]) => value);
        const sum = sumOf(values.map(([value]) => value));
        for (const [value, isKept] of values) if (!isKept) sum.subtract(value);
        const at = turn % (kept.length + 1);
        const anew = sumOf([...kept.slice(at), ...kept.slice(0, at)]);
        expect([sum.value, sum.over(7)]).toEqual([anew.value, anew.over(7)]);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it('of whole numbers is exact, and a bigint beyond 2^53', () => {
    fc.assert(
      fc.property(fc.array(mixed), (values) => {
        const exact = values.reduce((total: bigint, value) => total + BigInt(value), 0n);
        const { value } = sumOf(values);
        expect(BigInt(value)).toBe(exact);
        expect(typeof value).toBe(Number.isSafeInteger(Number(exact)) ? 'number' : 'bigint');
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it('is divided by how many there are, and rounded once, however small it is', () => {
    const units = fc.integer({ min: 1, max: 15 });
    fc.assert(
      fc.property(units, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (count, by) => {
        const left = count * 2 ** -52;
        expect(sumOf([1.5, left - 1.5]).over(by)).toBe(left / by);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it('of two doubles is what adding them gives, which is rounded once', () => {
    fc.assert(
      fc.property(number, number, (one, other) => {
        fc.pre(!(Number.isSafeInteger(one) && Number.isSafeInteger(other)));
        const { value } = sumOf([one, other]);
        expect(value === 0 ? 0 : value).toBe(one + other === 0 ? 0 : one + other);
      }),
      { seed: 7, numRuns: 2000 },
    );
  });

  it.each<readonly [readonly (number | bigint)[], unknown, unknown]>([
    [[], 0, NaN],
    [[0.1, 0.2, 0.3], 0.6, 0.2],
    [[1e308, 1e308, -1e308], 1e308, 1e308 / 3],
    [[Number.MAX_VALUE, Number.MAX_VALUE], Infinity, Number.MAX_VALUE],
    [[1e16, 1, -1e16], 1, 1 / 3],
    [[2n ** 63n, 1, 0.5], 2 ** 63, 2 ** 63 / 3],
    [[Infinity, 1], Infinity, Infinity],
    [[Infinity, -Infinity], NaN, NaN],
    [[NaN, 1], NaN, NaN],
    [[Number.MIN_VALUE, Number.MIN_VALUE], 2 * Number.MIN_VALUE, Number.MIN_VALUE],
  ])('of row %#: a sum, and its average', (values, sum, average) => {
    const exact = sumOf(values);
    expect([exact.value, exact.over(values.length)]).toEqual([sum, average]);
  });
});
