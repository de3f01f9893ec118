// Compiles a program against the built package with every TypeScript from 5.2 on, or with those that are named:
// node scripts/type-versions.mjs 5.2 7.0. Each is installed apart; needs dist/ (npm run build).
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const VERSIONS = ['5.2', '5.3', '5.4', '5.5', '5.6', '5.7', '5.8', '5.9', '6.0', '7.0'];
const versions = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS;
const root = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'tablecast-types-'));
let failed = 0;
try {
  mkdirSync(join(folder, 'node_modules'));
  for (const name of ['rxjs', 'tslib', '@types', 'undici-types'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  symlinkSync(root, join(folder, 'node_modules', 'tablecast'));
  cpSync(join(root, 'test/types/program.ts'), join(folder, 'program.ts'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig()));
  for (const version of versions) failed += compiles(version) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;

function tsconfig() {
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2022', 'ESNext.Disposable'],
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
  };
  return { compilerOptions, files: ['program.ts'] };
}

function compiles(version) {
  const tools = join(folder, `typescript-${version}`);
  mkdirSync(tools);
  writeFileSync(join(tools, 'package.json'), '{ "private": true }');
  const run = (file, args, cwd) => execFileSync(file, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  run('npm', ['install', '--no-audit', '--no-fund', '--no-save', `typescript@~${version}.0`], tools);
  try {
    run(process.execPath, [join(tools, 'node_modules/typescript/bin/tsc'), '-p', folder], folder);
    console.log(`TypeScript ${version}: compiles, and refuses what it should`);
    return true;
  } catch (error) {
    console.error(`TypeScript ${version}:\n${error.stdout}`);
    return false;
  }
}
