import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

test('CONTRIBUTING.md says of every package that users install why it is there', () => {
  const { dependencies, peerDependencies } = JSON.parse(read('package.json')) as Record<
    string,
    Record<string, string>
  >;
  const [, section = ''] = read('CONTRIBUTING.md').split('## Packages');
  const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'));
  const named = rows.flatMap((row) =>
    Array.from((row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g), ([, name]) => name),
  );
  expect(new Set(named)).toEqual(new Set(Object.keys({ ...dependencies, ...peerDependencies })));
  for (const row of rows) expect((row.split('|')[2] ?? '').trim(), row).not.toBe('');
});
