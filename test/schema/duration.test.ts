import { describe, expect, test } from 'vitest';
import { parseDuration, schemaLimits } from '../../src/schema/index.ts';
import { expectRefusal } from './refusals.ts';

describe('parseDuration', () => {
  test.each([
    ['400ms', 400],
    ['5s', 5_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    [0, 0],
    [25, 25],
    ['3650d', schemaLimits.maxExpiryMilliseconds],
  ])('reads %s as %i ms', (text, milliseconds) => {
    expect(parseDuration(text, 'window')).toBe(milliseconds);
  });

  test('names the option it refuses', () => {
    expectRefusal(
      () => parseDuration('5 parsecs', 'limits.window'),
      'OPTION_INVALID',
      /limits\.window/,
      /"5 parsecs"/,
      /'400ms'/,
    );
    for (const long of ['99999999999999d', '3651d', 1e300, Infinity])
      expectRefusal(() => parseDuration(long, 'limits.window'), 'OPTION_INVALID', /between 0 and 10 years/);
    expectRefusal(() => parseDuration(-1, 'limits.window'), 'OPTION_INVALID', /-1/);
    expectRefusal(() => parseDuration({} as string, 'limits.window'), 'OPTION_INVALID', /an object/);
  });
});
