import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NO_LIMITS, ROWS } from './limits-of-code.ts';

/** Folders that no peer of a node and no user of its library reaches: commands, trials, tests, and what has pages of its own. */
const ELSEWHERE = ['cli', 'http', 'simulation', 'sql', 'testing', 'trial', 'zeek'];
const SOURCE = new URL('../../src/', import.meta.url);
const CONSTANT =
  /^(?:export )?const ((?:(?:MAX|MOST|LONGEST|PAUSE|RESUME)[A-Z_0-9]*|[A-Z_0-9]+_(?:LIMIT|CAPACITY|AT_ONCE|BEYOND)))(?:: number)? = ([\d_ *<]+);/gm;

/** A product, power or shift of numbers, as constants are written. */
function numberOf(text: string): number {
  if (text.includes('**')) {
    const [base, exponent] = text.split('**').map(numberOf) as [number, number];
    return base ** exponent;
  }
  if (text.includes('<<')) {
    const [base, places] = text.split('<<').map(numberOf) as [number, number];
    return base * 2 ** places;
  }
  return text.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1);
}

/** Every number of the source that is named like a limit, by file and name. */
const found = new Map<string, number>(
  readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !ELSEWHERE.includes(file.split('/')[0] as string))
    .flatMap((file) =>
      Array.from(
        readFileSync(new URL(file, SOURCE), 'utf8').matchAll(CONSTANT),
        ([, name, value]) => [`${file} ${name}`, numberOf(value as string)] as const,
      ),
    ),
);

const operations = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const [, section = ''] = operations.split('\n## Limits\n');
const rows = section
  .split('\n## ')[0]
  ?.split('\n')
  .filter((line) => line.startsWith('| ')) as string[];

const UNITS: readonly (readonly [size: number, unit: string])[] = [
  [1, ''],
  [1024, ' KiB'],
  [1024 ** 2, ' MiB'],
  [1024 ** 3, ' GiB'],
  [1000, ' s'],
  [60_000, ' minutes'],
  [3_600_000, ' hour'],
];

/** Whether a row says a number, in some unit, and not as a part of another. */
function says(row: string, number: number): boolean {
  return (
    UNITS.some(([size, unit]) => {
      const text = `${(number / size).toLocaleString('en')}${unit}`.replaceAll('.', String.raw`\.`);
      return number % size === 0 && new RegExp(`(?<![\\d,.])${text}(?!,?\\d)`).test(row);
    }) || row.includes(`2^${Math.log2(number)}`)
  );
}

describe('the numbers of the source that are named like limits', () => {
  const none = Object.values(NO_LIMITS).flat();

  it('each stand in the table of limits, or it is said why they are none', () => {
    const listed = [...Object.keys(ROWS), ...none];
    expect(new Set(listed).size).toBe(listed.length);
    expect([...found.keys()].filter((name) => !listed.includes(name))).toEqual([]);
    expect(listed.filter((name) => !found.has(name))).toEqual([]);
  });

  it.each(Object.entries(ROWS))('%s is the number that the row “%s” says', (name, begins) => {
    const row = rows.find((line) => line.startsWith(`| ${begins}`)) ?? `no row ${begins}`;
    expect([row, says(row, found.get(name) as number)]).toEqual([row, true]);
  });
});

it('a row says a number as a whole, in its unit', () => {
  expect(says('| batch | 16,384 operations |', 16_384)).toBe(true);
  expect(says('| batch | 16,384 operations |', 384)).toBe(false);
  expect(says('| batch | 16,384 operations |', 16)).toBe(false);
  expect(says('| waits | 64 MiB |', 64 * 1024 * 1024)).toBe(true);
  expect(says('| waits | 64 MiB |', 32 * 1024 * 1024)).toBe(false);
});
