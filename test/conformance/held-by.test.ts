import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Sections that promise nothing: they lead to others, choose, or tell how something was measured. */
const WITHOUT_PROMISES: ReadonlyMap<string, readonly string[]> = new Map([
  ['docs/semantics.md', ['In one table', 'Limits']],
  ['docs/modes.md', ['Choose in a minute', 'How it is tested']],
  ['docs/operations.md', []],
  ['docs/sql.md', ['Measured']],
]);

interface Row {
  readonly section: string;
  readonly tests: string;
}

function read(name: string): string {
  return readFileSync(path.join(root, name), 'utf8');
}

function plain(text: string): string {
  return text.replaceAll(/\\?['’]/g, '’').replaceAll(/\s+/g, ' ');
}

/** The rows under the last heading of a page; one that begins empty goes on with the section of the row above. */
function rowsOf(page: string): readonly Row[] {
  const [, part = ''] = /^## Held by\n[\s\S]*?\n\|---.*\n([\s\S]*)$/m.exec(page) ?? [];
  let section = '';
  return Array.from(part.matchAll(/^\| (.*) \|$/gm), ([, row = '']) => {
    const [first = '', , tests = ''] = row.split('|').map((cell) => cell.trim());
    if (first !== '') section = /^\[(.+)\]\(#/.exec(first)?.[1] ?? first;
    return { section, tests };
  });
}

/** Test files, each with the titles that are quoted of it. */
function quoted(tests: string): readonly (readonly [file: string, titles: readonly string[]])[] {
  return tests.split(/(?=`[\w/-]+\.(?:test|contract)\.ts`)/).map((part) => {
    const [, file = ''] = /^`([^`]+)`/.exec(part) ?? [];
    return [file, Array.from(part.matchAll(/\*([^*]+)\*/g), ([, title = '']) => title)];
  });
}

/** What is wrong with the tests of a row. */
function faults({ section, tests }: Row): readonly string[] {
  return quoted(tests).flatMap(([file, titles]) => {
    if (!existsSync(path.join(root, 'test', file))) return [`${section}: ${file} is not there`];
    if (titles.length === 0) return [`${section}: no title of ${file}`];
    const source = plain(read(path.join('test', file)));
    // A dot of three stands for what differs from run to run, or from one case to the next.
    const missing = titles.filter((title) =>
      plain(title)
        .split('…')
        .some((piece) => !source.includes(piece.trim())),
    );
    return missing.map((title) => `${section}: ${file} has no "${title}"`);
  });
}

describe.each([...WITHOUT_PROMISES])('the promises of %s', (name, exempt) => {
  const page = read(name);
  const rows = rowsOf(page);

  it('are held by tests that are there, in the files and under the titles it says', () => {
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.flatMap(faults)).toEqual([]);
  });

  it('are held in every section that promises anything', () => {
    const sections = Array.from(page.matchAll(/^## (.+)$/gm), ([, title = '']) => title);
    const named = new Set(rows.map(({ section }) => section));
    const wanted = sections.filter((title) => title !== 'Held by' && !exempt.includes(title));
    expect(wanted.filter((title) => !named.has(title))).toEqual([]);
    const all = Array.from(page.matchAll(/^#{2,3} (.+)$/gm), ([, title = '']) => title);
    expect([...named].filter((title) => !all.includes(title))).toEqual([]);
  });
});

describe('the promises of README.md', () => {
  it('each name the guarantees that say them exactly', () => {
    const [, part = ''] = /^## What is guaranteed\n([\s\S]*?)\nAnd the limits/m.exec(read('README.md')) ?? [];
    const bullets = part.split('\n').filter((line) => line.startsWith('- '));
    expect(bullets.length).toBeGreaterThan(5);
    const guarantees = read('docs/guarantees.md');
    for (const bullet of bullets) {
      const [, numbers = ''] = /\(\[([\d, ]+)\]\(docs\/guarantees\.md\)\)\.$/.exec(bullet) ?? [];
      expect(numbers, bullet).not.toBe('');
      for (const number of numbers.split(', ')) expect(guarantees).toContain(`\n**${number}. `);
    }
  });
});
