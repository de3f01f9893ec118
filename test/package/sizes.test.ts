import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const MOST_MEMBERS = 25;
const MOST_LINES = 400;

/** Members that others can name, per class of a file. */
function classesOf(name: string, text: string): [string, number][] {
  const found: [string, number][] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isClassDeclaration(node)) {
      const named = node.members.flatMap(({ name: member }) =>
        member === undefined || ts.isPrivateIdentifier(member) ? [] : [member.getText()],
      );
      found.push([node.name?.text ?? '', new Set(named).size]);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true));
  return found;
}

const linesIn = (text: string): number => text.split('\n').length - 1;

/** Sources of a folder that are too long, with their lines. */
function longFilesIn(folder: string): [string, number][] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.(?:ts|tsx|mjs|css)$/.test(name) && !/(?:^|\/)node_modules\//.test(name))
    .map((name): [string, number] => [
      join(folder, name),
      linesIn(readFileSync(join(root, folder, name), 'utf8')),
    ])
    .filter(([, lines]) => lines > MOST_LINES);
}

const large = (classes: readonly [string, number][]): [string, number][] =>
  classes.filter(([, members]) => members > MOST_MEMBERS);

test('a class of 26 members is seen, private ones are not counted', () => {
  const members = (count: number): string =>
    Array.from({ length: count }, (_, at) => `m${at} = 0;`).join(' ');
  expect(large(classesOf('a.ts', `class A { ${members(25)} #own = 0; }`))).toEqual([]);
  expect(large(classesOf('a.ts', `class A { ${members(26)} }`))).toEqual([['A', 26]]);
});

test('no class has more than 25 members that others can name', () => {
  const files = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const classes = files.flatMap((name) => classesOf(name, readFileSync(join(root, 'src', name), 'utf8')));
  expect(classes.length).toBeGreaterThan(100);
  expect(large(classes)).toEqual([]);
});

test('no file has more than 400 lines', () => {
  expect(linesIn('a\n'.repeat(MOST_LINES))).toBe(MOST_LINES);
  expect(['bench', 'examples', 'page', 'scripts', 'src', 'test'].flatMap(longFilesIn)).toEqual([]);
});

test('the linter refuses two sources that name only types of each other', () => {
  const folder = mkdtempSync(join(tmpdir(), 'circle-'));
  try {
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'src/a.ts'), "import type { B } from './b.ts';\nexport type A = B | 1;\n");
    writeFileSync(join(folder, 'src/b.ts'), "import type { A } from './a.ts';\nexport type B = A | 2;\n");
    const config = readFileSync(`${root}.oxlintrc.json`, 'utf8')
      .replace('"./oxlint.rooms.json"', '')
      .replace('"typeAware": true', '"typeAware": false');
    writeFileSync(join(folder, '.oxlintrc.json'), config);
    const { stdout, status } = spawnSync(join(root, 'node_modules/.bin/oxlint'), ['.'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stdout).toContain('import(no-cycle)');
    expect(status).not.toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
