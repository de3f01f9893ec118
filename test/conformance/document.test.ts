import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(`${root}docs/conformance.md`, 'utf8');

interface Entry {
  readonly number: number;
  readonly verdict: string;
  readonly tests: readonly { readonly title: string; readonly file: string }[];
}

/** Rows of numbers; a row that begins empty goes on with the tests of the one above. */
const rows = page.replaceAll(/ \|\n\| \| \| \| \| /g, '; ');
const entries: readonly Entry[] = Array.from(
  rows.matchAll(/^\| (\d+) \|[^\n]*?\| \*([a-z ]+)\* \|([^\n]*)\|$/gm),
  ([, number, verdict, rest]) => ({
    number: Number(number),
    verdict: verdict ?? '',
    tests: Array.from(
      (rest ?? '').matchAll(/`([^`]+)` \(\[[^\]]+\]\(\.\.\/([^)]+)\)\)/g),
      ([, title, file]) => ({
        title: title ?? '',
        file: file ?? '',
      }),
    ),
  }),
);

describe('docs/conformance.md', () => {
  it('has exactly the numbers 1 to 142, each with one of three verdicts', () => {
    expect(entries.map(({ number }) => number)).toEqual(Array.from({ length: 142 }, (_, index) => index + 1));
    const verdicts = new Set(entries.map(({ verdict }) => verdict));
    expect([...verdicts].toSorted()).toEqual(['as original', 'does not apply', 'repaired']);
  });

  it('names a test for every point that applies, and every test it names exists', () => {
    for (const { number, verdict, tests } of entries) {
      if (verdict !== 'does not apply') expect(tests, `number ${number}`).not.toHaveLength(0);
      for (const { title, file } of tests) {
        expect(existsSync(root + file), `${file} of number ${number}`).toBe(true);
        expect(readFileSync(root + file, 'utf8'), `number ${number}`).toContain(`'${title}'`);
      }
    }
  });

  it('counts its verdicts right', () => {
    for (const verdict of ['as original', 'repaired', 'does not apply']) {
      const count = entries.filter((entry) => entry.verdict === verdict).length;
      expect(page).toContain(`${count} *${verdict}*`);
    }
  });
});
