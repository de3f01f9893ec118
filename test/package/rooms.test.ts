import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { lintRules, roomsOf } from '../../scripts/rooms.ts';

const at = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const read = (path: string): string => readFileSync(at(path), 'utf8');

const rooms = roomsOf(read('docs/architecture.md'));
const sources = readdirSync(at('src'), { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'));

test('files and folders that the pictures and the table of changes name are there', () => {
  const [, section = ''] =
    /## In pictures\n([\s\S]*?)\n## Folders\n/.exec(read('docs/architecture.md')) ?? [];
  const changes = section.split('## Where to change what')[1] ?? '';
  const starts = Array.from(changes.matchAll(/^\|[^|]*\|([^|]*)\|/gm), ([, cell = '']) => cell).flatMap(
    (cell) => Array.from(cell.matchAll(/`([\w./-]+)`/g), ([, path]) => `src/${path}`),
  );
  const boxes = Array.from(
    section.matchAll(/\["([a-z][\w-]*(?:\/[\w-]+)*(?:\.ts)?):/g),
    ([, path]) => `src/${path}`,
  );
  const tests = Array.from(changes.matchAll(/ (test\/[\w-]+(?:\/[\w-]+)?)/g), ([, path = '']) => path);
  const named = [...starts, ...boxes, ...tests].filter((path) => path !== 'src/src');
  expect(named.length).toBeGreaterThan(40);
  const isThere = (path: string): boolean => existsSync(at(path)) || existsSync(at(`${path}.test.ts`));
  expect(named.filter((path) => !isThere(path))).toEqual([]);
});

/** What a file of `src` imports of ours, types included, from `src` on. */
function importsOf(file: string): string[] {
  const found = read(`src/${file}`).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g);
  return Array.from(found, ([, path]) => posix.join(posix.dirname(file), path ?? ''));
}

/** Whether an entry of a rule lets a file be imported. */
function opens(entry: string, file: string): boolean {
  if (entry.endsWith('/*.ts')) return posix.dirname(file) === posix.dirname(entry);
  return file === entry || file.startsWith(`${entry}/`);
}

test('every folder of src has a rule, and every rule a folder', () => {
  const folders = new Set(sources.map((name) => posix.dirname(name)).filter((name) => name !== '.'));
  expect(rooms.map(({ folder }) => folder).toSorted()).toEqual([...folders].toSorted());
});

test('no rule opens what no file needs', () => {
  const idle = rooms.flatMap(({ folder, may }) => {
    const needed = sources.filter((name) => posix.dirname(name) === folder).flatMap(importsOf);
    const unused = may.filter((entry) => !needed.some((file) => opens(entry, file)));
    return unused.map((entry) => `${folder} may import ${entry}`);
  });
  expect(idle).toEqual([]);
});

test("the linter's rules are those of docs/architecture.md: else run npm run rooms", () => {
  expect(JSON.parse(read('oxlint.rooms.json'))).toEqual(JSON.parse(lintRules(rooms)));
});
