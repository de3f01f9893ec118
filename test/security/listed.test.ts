import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(`${root}SECURITY.md`, 'utf8');
const THREATS = Array.from({ length: 24 }, (_, index) => `S${index + 1}`);

/** The cells of a threat's row: number, threat, defence, tests; a row that begins empty goes on with the tests. */
function rowOf(threat: string): string[] {
  const lines = page.split('\n');
  const first = lines.findIndex((one) => one.startsWith(`| ${threat} |`));
  const [, number = '', what = '', defence = '', tests = ''] = cellsOf(lines[first] ?? '');
  const more: string[] = [];
  for (let next = first + 1; lines[next]?.startsWith('| | |') === true; next++)
    more.push(cellsOf(lines[next] ?? '')[4] ?? '');
  return [number, what, defence, [tests, ...more].join(', ')];
}

function cellsOf(line: string): string[] {
  return line.split('|').map((cell) => cell.trim());
}

/** Tests that are quoted with their titles, of which one file may have several. */
function quotedIn(text: string): readonly (readonly [file: string, title: string])[] {
  return Array.from(text.matchAll(/`([a-z/-]+\.test\.ts)`((?:,? \*[^*]+\*)+)/g)).flatMap(
    ([, file = '', titles = '']) =>
      Array.from(titles.matchAll(/\*([^*]+)\*/g), ([, title = '']) => [file, title] as const),
  );
}

describe.each(THREATS)('%s of SECURITY.md', (threat) => {
  const [number, what, defence, tests = ''] = rowOf(threat);

  it('says what is threatened, what is done, and names tests that are there', () => {
    expect(number).toBe(threat);
    expect(what).not.toBe('');
    expect(defence).not.toBe('');
    const files = Array.from(tests.matchAll(/`([a-z/-]+\.test\.ts)`/g), ([, file]) => file as string);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !existsSync(`${root}test/${file}`))).toEqual([]);
  });

  it('names tests whose titles are in their files', () => {
    for (const [file, title] of quotedIn(tests))
      expect(readFileSync(`${root}test/${file}`, 'utf8'), `${file}: ${title}`).toContain(title);
  });
});

describe('what each credential can at worst do', () => {
  const section = page.slice(page.indexOf('## What each credential'), page.indexOf('### All of them'));
  const kinds = section.split(/^### /m).slice(1);

  it('is said of each kind, with what it cannot, and tests that are there', () => {
    expect(kinds).toHaveLength(5);
    for (const kind of kinds) {
      const [who = ''] = kind.split('\n');
      for (const said of ['- Can', '- Cannot', '- Held by: ']) expect(kind, who).toContain(`\n${said}`);
      const quoted = quotedIn(kind);
      expect(quoted.length, who).toBeGreaterThan(0);
      for (const [file, title] of quoted)
        expect(readFileSync(`${root}test/${file}`, 'utf8'), `${file}: ${title}`).toContain(title);
    }
  });
});
