import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(`${root}SECURITY.md`, 'utf8');
const THREATS = Array.from({ length: 24 }, (_, index) => `S${index + 1}`);

/** The cells of a threat's row: number, threat, defence, tests. */
function rowOf(threat: string): string[] {
  const line = page.split('\n').find((one) => one.startsWith(`| ${threat} |`));
  return (line ?? '').split('|').map((cell) => cell.trim());
}

describe.each(THREATS)('%s of SECURITY.md', (threat) => {
  const [, number, what = '', defence = '', tests = ''] = rowOf(threat);

  it('says what is threatened, what is done, and names tests that are there', () => {
    expect(number).toBe(threat);
    expect(what).not.toBe('');
    expect(defence).not.toBe('');
    const files = Array.from(tests.matchAll(/`([a-z/-]+\.test\.ts)`/g), ([, file]) => file as string);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !existsSync(`${root}test/${file}`))).toEqual([]);
  });

  it('names tests whose titles are in their files', () => {
    const quoted = Array.from(tests.matchAll(/`([a-z/-]+\.test\.ts)` \*([^*]+)\*/g));
    for (const [, file, title] of quoted) {
      expect(readFileSync(`${root}test/${file}`, 'utf8'), `${file}: ${title}`).toContain(title);
    }
  });
});

describe('what each credential can at worst do', () => {
  const section = page.slice(page.indexOf('## What each credential'), page.indexOf('## Threats'));
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| who'));

  it('is said of each kind, with what it cannot, and tests that are there', () => {
    expect(rows).toHaveLength(5);
    for (const row of rows) {
      const [, who, can = '', cannot = '', tests = ''] = row.split('|').map((cell) => cell.trim());
      expect([can, cannot].includes(''), who).toBe(false);
      const quoted = Array.from(tests.matchAll(/`([a-z/-]+\.test\.ts)`((?:,? \*[^*]+\*)+)/g));
      expect(quoted.length, who).toBeGreaterThan(0);
      for (const [, file, titles = ''] of quoted)
        for (const [, title] of titles.matchAll(/\*([^*]+)\*/g))
          expect(readFileSync(`${root}test/${file}`, 'utf8'), `${file}: ${title}`).toContain(title);
    }
  });
});
