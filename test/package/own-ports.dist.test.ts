import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleForPage, runInPage } from './support/page.ts';

const run = promisify(execFile);
const checkout = fileURLToPath(new URL('../..', import.meta.url));
let project = '';

/** Somebody else's project: the packed package, unpacked, beside the dependencies of this checkout as links. */
beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'tablecast-own-ports-'));
  const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project], {
    cwd: checkout,
  });
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  await run('tar', ['-xzf', filename], { cwd: project });
  const modules = path.join(project, 'node_modules');
  await mkdir(modules);
  await run('mv', ['package', path.join(modules, 'tablecast')], { cwd: project });
  const manifest = await readFile(path.join(checkout, 'package.json'), 'utf8');
  const { dependencies } = JSON.parse(manifest) as { dependencies: Record<string, string> };
  for (const name of [...Object.keys(dependencies), 'vitest']) await linkModule(name);
  await writeFile(path.join(project, 'package.json'), '{ "type": "module", "private": true }');
});

/** A package of this checkout, as the project has it. */
async function linkModule(name: string): Promise<void> {
  const link = path.join(project, 'node_modules', name);
  await mkdir(path.dirname(link), { recursive: true });
  await symlink(path.join(checkout, 'node_modules', name), link);
}

afterAll(async () => {
  await rm(project, { recursive: true, force: true });
});

/** A file of the checkout as a project without a compiler has it. */
async function copyCompiled(file: string): Promise<void> {
  const text = await readFile(path.join(checkout, file), 'utf8');
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  const { outputText } = ts.transpileModule(text, { compilerOptions: options });
  await writeFile(path.join(project, `${path.basename(file, '.ts')}.js`), outputText);
}

const examples = ['files-backend', 'tcp-transport'].map((name) => `examples/own/${name}.ts`);
const strangers = ['segments-backend', 'port-transport', 'cases'].map(
  (name) => `test/package/stranger/${name}.ts`,
);

/** The blocks of code on the page, as they stand there. */
async function blocksOfPage(): Promise<string[]> {
  const page = await readFile(path.join(checkout, 'docs/write-your-own.md'), 'utf8');
  return Array.from(page.matchAll(/```ts\n([^`]*)```/g), ([, block]) => block ?? '');
}

test('the suites of the page pass under node:test against the backend and the transport of the examples', async () => {
  await Promise.all(examples.map(copyCompiled));
  const [, suites = ''] = await blocksOfPage();
  const imports = [
    "import { mkdtempSync, rmSync } from 'node:fs';",
    "import { tmpdir } from 'node:os';",
    "import { join } from 'node:path';",
    "import { filesBackend } from './files-backend.js';",
    "import { tcpTransport } from './tcp-transport.js';",
  ];
  await writeFile(path.join(project, 'suites.test.js'), [...imports, suites].join('\n'));
  const { stdout } = await run('node', ['--test', 'suites.test.js'], { cwd: project, timeout: 200_000 });
  expect(stdout).toMatch(/# fail 0/);
  expect(Number(/# pass (\d+)/.exec(stdout)?.[1])).toBeGreaterThan(40);
});

/** Whom the cases of a stranger are run by, and what says how many failed and passed. */
const runners = [
  ['node:test', ['--test', 'strangers.test.js'], /# fail (\d+)/, /# pass (\d+)/],
  [
    'vitest',
    [path.join(checkout, 'node_modules/vitest/vitest.mjs'), 'run', 'strangers.test.js', '--no-color'],
    /(\d+) failed/,
    /Tests +(\d+) passed/,
  ],
] as const;

test.each(runners)(
  'the suites pass under %s against a backend, a transport and a rule written from the page',
  async (runner, args, failed, passed) => {
    await Promise.all(strangers.map(copyCompiled));
    const suites = [
      `import { test } from '${runner}';`,
      "import { cases } from './cases.js';",
      // node:test takes options in the second place, and has no limit of its own.
      runner === 'vitest'
        ? 'for (const { title, run } of cases) test(title, run, 200_000);'
        : 'for (const { title, run } of cases) test(title, run);',
    ];
    await writeFile(path.join(project, 'strangers.test.js'), suites.join('\n'));
    const { stdout } = await run('node', args, { cwd: project, timeout: 200_000 });
    expect(failed.exec(stdout)?.[1] ?? '0').toBe('0');
    expect(Number(passed.exec(stdout)?.[1])).toBeGreaterThan(45);
  },
);

test('the program of the page opens a node, and its rows are there at the next start', async () => {
  const [program = ''] = await blocksOfPage();
  const rest = [
    "console.log(visits.increment('10.0.0.1'), node.addresses.length);",
    'await node.flush();',
    'await node.close();',
  ];
  await writeFile(path.join(project, 'program.js'), [program, ...rest].join('\n'));
  const start = async (): Promise<string> => (await run('node', ['program.js'], { cwd: project })).stdout;
  expect(await start()).toBe('1 1\n');
  expect(await start()).toBe('2 1\n');
});

test('every entry can be imported, and the suites need no test runner', async () => {
  const entries = [
    'tablecast',
    ...['automerge', 'core', 'simulation', 'sqlite', 'testing', 'websocket', 'zeek'].map(
      (name) => `tablecast/${name}`,
    ),
  ];
  const program = `for (const entry of ${JSON.stringify(entries)}) if (Object.keys(await import(entry)).length === 0) throw new Error(entry);`;
  await writeFile(path.join(project, 'entries.js'), program);
  await run('node', ['entries.js'], { cwd: project });
});

test('a bundler for browsers gets the core for `tablecast`, which runs where nothing of Node.js is', async () => {
  const bundle = await bundleForPage('tablecast', project);
  expect([...bundle.files.keys()].some((file) => file.endsWith('/dist/core.js'))).toBe(true);
  expect([...bundle.files.keys()].filter((file) => file.endsWith('/dist/index.js'))).toEqual([]);
  const { openNode } = runInPage(bundle);
  const node = await openNode({ id: 'page' });
  expect(node.table('visits', { key: 'string', value: 'count' }).increment('home')).toBe(1);
  await node.close();
});

test('declarations compile with lib es2022 and without skipLibCheck', async () => {
  for (const name of ['@types/node', 'undici-types', '@types/better-sqlite3']) await linkModule(name);
  for (const file of strangers)
    await copyFile(path.join(checkout, file), path.join(project, path.basename(file)));
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: 'ES2022',
    lib: ['ES2022'],
    module: 'NodeNext',
    types: ['node'],
  };
  const use = [
    "import { MapTable, SetTable, type Table, openNode } from 'tablecast';",
    "import * as testing from 'tablecast/testing';",
    "import * as simulation from 'tablecast/simulation';",
    "import * as sqlite from 'tablecast/sqlite';",
    "import * as websocket from 'tablecast/websocket';",
    'export const sizeOf = (table: Table<string>): number => table instanceof SetTable ? [...table].length : table.size;',
    'export const put = (table: Table): unknown => table instanceof MapTable ? table.set(1, 2).get(1) : undefined;',
    'export const all = [openNode, testing, simulation, sqlite, websocket];',
  ];
  await writeFile(path.join(project, 'use.ts'), use.join('\n'));
  await writeFile(
    path.join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['use.ts', 'cases.ts'] }),
  );
  const { stdout } = await run('node', [path.join(checkout, 'node_modules/typescript/bin/tsc'), '-p', '.'], {
    cwd: project,
  }).catch((error: unknown) => error as { stdout: string });
  expect(stdout).toBe('');
});

/** The folders that a file lies in. */
function parents(file: string): string[] {
  const folder = path.posix.dirname(file);
  return folder === '.' ? [] : [folder, ...parents(folder)];
}

/** Links of a page that lead neither to the web nor to what is in the package. */
async function linksOutside(page: string, paths: ReadonlySet<string>): Promise<string[]> {
  const text = await readFile(path.join(checkout, page), 'utf8');
  const links = Array.from(text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g), ([, link = '']) => link);
  expect(links.length, page).toBeGreaterThan(0);
  return links.filter((link) => !link.startsWith('https://') && !paths.has(link));
}

/** Half of what there was before entries and bundled declarations: 1,135 files, 6.5 MB. */
const MOST_FILES = 567;
const MOST_BYTES = 3_250_000;

test('the package holds what its README links to, in half the files and bytes that it had with its sources', async () => {
  const args = ['pack', '--ignore-scripts', '--dry-run', '--json'];
  const { stdout } = await run('npm', args, { cwd: checkout });
  const [{ entryCount, unpackedSize, files }] = JSON.parse(stdout) as [
    { entryCount: number; unpackedSize: number; files: readonly { readonly path: string }[] },
  ];
  const paths = new Set(files.flatMap(({ path: file }) => [file, ...parents(file)]));
  const missing = await Promise.all(['README.md', 'CHANGELOG.md'].map((page) => linksOutside(page, paths)));
  expect(missing.flat()).toEqual([]);
  expect(entryCount).toBeLessThan(MOST_FILES);
  expect(unpackedSize).toBeLessThan(MOST_BYTES);
});
