import { readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { rooms } from '../../scripts/rooms.list.ts';
import { importTable, lintRules } from '../../scripts/rooms.ts';

const at = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const read = (path: string): string => readFileSync(at(path), 'utf8');

const sources = readdirSync(at('src'), { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'));

/** What a file of `src` imports of ours, types and pages of documentation included, from `src` on. */
function importsOf(file: string): string[] {
  const found = read(`src/${file}`).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g);
  return Array.from(found, ([, path]) => posix.join(posix.dirname(file), path ?? ''));
}

test('every folder of src has a rule, and every rule a folder', () => {
  const folders = new Set(sources.map((name) => posix.dirname(name)).filter((name) => name !== '.'));
  expect(rooms.map(({ folder }) => folder).toSorted()).toEqual([...folders].toSorted());
});

test('no rule allows what no file needs', () => {
  const idle = rooms.flatMap(({ folder, may }) => {
    const needed = sources.filter((name) => posix.dirname(name) === folder).flatMap(importsOf);
    const unused = may.filter((path) => !needed.some((one) => one === path || one.startsWith(`${path}/`)));
    return unused.map((path) => `${folder} may import ${path}`);
  });
  expect(idle).toEqual([]);
});

test('the linter and docs/architecture.md say what scripts/rooms.list.ts says: else run npm run rooms', () => {
  expect(JSON.parse(read('oxlint.rooms.json'))).toEqual(JSON.parse(lintRules(rooms)));
  expect(read('docs/architecture.md')).toContain(`${importTable(rooms)}\n\n`);
});
