import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const checkout = fileURLToPath(new URL('../..', import.meta.url));
const modules = path.join(checkout, 'node_modules');
let project = '';

async function inProject(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(command, args, { cwd: project, timeout: 180_000 });
  return stdout;
}

/** The dependencies as links into this checkout: nothing is downloaded and nothing is compiled. */
async function linkedDependencies(): Promise<Record<string, string>> {
  const manifest = JSON.parse(await readFile(path.join(checkout, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const names = [...Object.keys(manifest.dependencies), '@types/node'];
  return Object.fromEntries(names.map((name) => [name, `file:${path.join(modules, name)}`]));
}

beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'tablecast-installed-'));
  const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project], {
    cwd: checkout,
  });
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  const dependencies = { ...(await linkedDependencies()), tablecast: `file:${filename}` };
  await writeFile(
    path.join(project, 'package.json'),
    JSON.stringify({ name: 'user', private: true, type: 'module', dependencies }),
  );
  await inProject('npm', 'install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund');
});

afterAll(async () => {
  await rm(project, { recursive: true, force: true });
});

const useIt = `
  const node = await openNode({ id: 'user', directory: './data' });
  const seen = node.table('seen', { key: 'string' });
  const counts = node.table('counts', { key: 'addr', value: 'count', backend: 'sqlite' });
  seen.add('a');
  counts.set('10.0.0.1', 7);
  await node.flush();
  console.log(seen.size, counts.get('10.0.0.1'));
  await node.close();
`;

test('an ES module imports the installed package and keeps rows in memory and on disk', async () => {
  await writeFile(path.join(project, 'use.js'), `import { openNode } from 'tablecast';\n${useIt}`);
  expect(await inProject('node', 'use.js')).toBe('1 7\n');
});

test('the installed command prints the page of a code', async () => {
  expect(await inProject('npx', 'tablecast', 'explain', 'KEY_INVALID')).toMatch(/^# KEY_INVALID\n/);
});

test('a CommonJS module requires the installed package', async () => {
  await writeFile(
    path.join(project, 'use.cjs'),
    `const { openNode } = require('tablecast');\n(async () => {${useIt}})();`,
  );
  await rm(path.join(project, 'data'), { recursive: true, force: true });
  expect(await inProject('node', 'use.cjs')).toBe('1 7\n');
});

test.each([
  ['NodeNext', 'NodeNext'],
  ['ESNext', 'Bundler'],
])(
  'a strict TypeScript project compiles against it (module %s, resolution %s)',
  async (module, resolution) => {
    await writeFile(path.join(project, 'use.ts'), `import { openNode } from 'tablecast';\n${useIt}`);
    await writeFile(
      path.join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noEmit: true,
          target: 'ES2022',
          module,
          moduleResolution: resolution,
          types: ['node'],
        },
        files: ['use.ts'],
      }),
    );
    expect(await inProject('node', path.join(modules, 'typescript/bin/tsc'), '-p', '.')).toBe('');
  },
);

test('the command answers to --help', async () => {
  expect(await inProject('npx', '--no-install', 'tablecast', '--help')).toContain('Usage: tablecast');
});
