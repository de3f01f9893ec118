// Preload: what begins with a source of these runs as one file of JavaScript, bundled when it is first needed, as
// the package ships it. Translated module by module, a thread begins with 250 ms of processor time instead of 50.
import childProcess from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import workerThreads from 'node:worker_threads';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const CACHE = join(ROOT, 'node_modules', '.cache', 'tablecast-threads');
const SOURCES = ['src/backends/sqlite/worker.ts', 'src/sql/worker.ts', 'src/sql/queries/query-process.ts'];
const TYPESCRIPT = new URL('typescript.mjs', import.meta.url).href;
const paths = new Set(SOURCES.map((source) => join(ROOT, source)));
const bundles = new Map();

/** Bundles a source, once in a process; two processes that do it at once leave one file. */
function bundle(source) {
  const known = bundles.get(source);
  if (known !== undefined) return known;
  const { buildSync } = createRequire(import.meta.url)('esbuild');
  const { outputFiles } = buildSync({
    entryPoints: [source],
    bundle: true,
    format: 'esm',
    packages: 'external',
    platform: 'node',
    target: 'node20',
    write: false,
    logLevel: 'error',
  });
  const { contents } = outputFiles[0];
  const file = join(CACHE, `${createHash('sha256').update(contents).digest('hex').slice(0, 16)}.mjs`);
  if (!existsSync(file)) {
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(`${file}.${process.pid}`, contents);
    renameSync(`${file}.${process.pid}`, file);
  }
  bundles.set(source, file);
  return file;
}

workerThreads.Worker = class extends workerThreads.Worker {
  constructor(file, options = {}) {
    const path = file instanceof URL ? fileURLToPath(file) : file;
    if (paths.has(path)) super(bundle(path), { execArgv: [], ...options });
    else super(file, options);
  }
};

const { fork } = childProcess;
childProcess.fork = (file, ...rest) => {
  if (paths.has(file)) return fork(bundle(file), ...rest);
  if (!String(file).endsWith('.ts')) return fork(file, ...rest);
  const [args, options = {}] = Array.isArray(rest[0]) ? rest : [[], rest[0]];
  return fork(file, args, {
    ...options,
    execArgv: ['--import', TYPESCRIPT, ...(options.execArgv ?? process.execArgv)],
  });
};

syncBuiltinESMExports();
