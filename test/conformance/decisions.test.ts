import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = path.join(root, 'docs/decisions');
const names = readdirSync(folder).filter((name) => /^\d{4}-.*\.md$/.test(name));
const list = readFileSync(path.join(folder, 'README.md'), 'utf8');

describe('docs/decisions/README.md', () => {
  it('lists every decision with its title, and no other', () => {
    const rows = Array.from(list.matchAll(/^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$/gm));
    const listed = rows.map(([, number, file, title]) => `${file}: ${number}: ${title}`);
    const wanted = names.map((name) => {
      const [heading = ''] = readFileSync(path.join(folder, name), 'utf8').split('\n');
      return `${name}: ${heading.replace(/^# /, '')}`;
    });
    expect(listed.toSorted()).toEqual(wanted.toSorted());
  });

  it('explains every gap in the numbers up to the decisions of version 0.2, and no other', () => {
    const taken = new Set(names.map((name) => Number(name.slice(0, 4))));
    const gaps = Array.from({ length: 52 }, (_, index) => index + 1).filter((number) => !taken.has(number));
    const explained = /^[^|]*?((?:\d{4}[, and]*)+) are gaps/m.exec(list)?.[1] ?? '';
    expect(explained.match(/\d{4}/g)?.map(Number)).toEqual(gaps);
  });
});

describe.each(names)('docs/decisions/%s', (name) => {
  it('names in its third line the files and folders that it governs, and they are there', () => {
    const [, second, third = ''] = readFileSync(path.join(folder, name), 'utf8').split('\n');
    expect(second).toBe('');
    expect(third).toMatch(/^Governs: `[^`]+`(?:, `[^`]+`)*\.$/);
    const governed = Array.from(third.matchAll(/`([^`]+)`/g), ([, file = '']) => file);
    expect(governed.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});
