import { expect, test } from 'vitest';
import { shortDuration } from '../../src/cli/short-duration.ts';

test.each([
  [-5, '0s'],
  [999, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [3_599_999, '59m'],
  [3_600_000, '1h 0m'],
  [9_900_000, '2h 45m'],
  [86_399_999, '23h 59m'],
  [86_400_000, '1d 0h'],
  [900_000_000, '10d 10h'],
])('%i ms is %s', (milliseconds, words) => {
  expect(shortDuration(milliseconds)).toBe(words);
});
