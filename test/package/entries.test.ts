import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Metafile, build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { entries, written } from '../../tsup.config.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** What importing an entry may load at most: packages and parts of Node.js by name, and KiB of ours, cut and written as in dist. */
interface Weight {
  readonly packages: readonly string[];
  readonly builtins: readonly string[];
  readonly kib: number;
}

const CODECS = ['@noble/hashes', 'crc-32', 'ipaddr.js', 'rxjs', 'valibot'];
const DATABASE = 'better-sqlite3';
const NODE = ['buffer', 'crypto', 'fs', 'module', 'net', 'path', 'url', 'util', 'worker_threads', 'zlib'];
const FILES = [
  'crypto',
  'fs',
  'module',
  'os',
  'path',
  'stream/promises',
  'url',
  'util',
  'worker_threads',
  'zlib',
];

const WEIGHTS: Readonly<Record<keyof typeof entries, Weight>> = {
  index: { packages: [DATABASE, ...CODECS], builtins: [...NODE, 'os', 'stream/promises'], kib: 1040 },
  automerge: { packages: ['@noble/hashes'], builtins: [], kib: 68 },
  core: { packages: CODECS, builtins: [], kib: 660 },
  observability: { packages: [], builtins: ['fs', 'path', 'perf_hooks'], kib: 20 },
  simulation: { packages: [DATABASE, ...CODECS], builtins: NODE, kib: 1040 },
  sqlite: { packages: [DATABASE, ...CODECS], builtins: FILES, kib: 500 },
  testing: { packages: [], builtins: ['assert/strict'], kib: 58 },
  websocket: { packages: [], builtins: ['net'], kib: 38 },
  zeek: { packages: [DATABASE, 'ipaddr.js'], builtins: ['buffer', 'fs', 'path'], kib: 104 },
};

let folder = '';
let outputs: Metafile['outputs'] = {};

beforeAll(async () => {
  folder = await mkdtemp(join(root, 'node_modules/.entries-'));
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: folder,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    ...written,
    format: 'esm',
    target: 'node20',
    metafile: true,
  });
  ({ outputs } = metafile);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Files of ours that importing one loads, and what they import from elsewhere; what is loaded later does not count. */
function loadedBy(name: string): { readonly bytes: number; readonly others: ReadonlySet<string> } {
  const [first] = Object.keys(outputs).filter((path) => path.endsWith(`/${name}.js`));
  const files = new Set([first ?? '']);
  const others = new Set<string>();
  for (const file of files)
    for (const { path, kind, external } of outputs[file]?.imports ?? []) {
      if (kind !== 'import-statement') continue;
      if (external === true) others.add(path);
      else files.add(path);
    }
  return { bytes: [...files].reduce((sum, file) => sum + (outputs[file]?.bytes ?? 0), 0), others };
}

const packageOf = (path: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path;

test('package.json names every entry, and no other', async () => {
  const { exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>;
  };
  const named = Object.keys(entries).map((name) => (name === 'index' ? '.' : `./${name}`));
  expect(Object.keys(exports).toSorted()).toEqual([...named, './package.json'].toSorted());
  expect(Object.keys(WEIGHTS).toSorted()).toEqual(Object.keys(entries).toSorted());
});

test.each(Object.entries(WEIGHTS))('%s loads no other packages, and no more bytes', (name, weight) => {
  const { bytes, others } = loadedBy(name);
  const allowed = new Set([...weight.packages, ...weight.builtins.map((builtin) => `node:${builtin}`)]);
  expect([...others].filter((path) => !allowed.has(path) && !allowed.has(packageOf(path)))).toEqual([]);
  expect(bytes).toBeLessThan(weight.kib * 1024);
  // Far below is a bound that holds nothing.
  expect(bytes).toBeGreaterThan(weight.kib * 512);
});

test('no source loads all of RxJS, which takes as long as all that is ours', async () => {
  const files = (await readdir(join(root, 'src'), { recursive: true })).filter((file) =>
    file.endsWith('.ts'),
  );
  expect(files.length).toBeGreaterThan(500);
  const sources = await Promise.all(files.map((file) => readFile(join(root, 'src', file), 'utf8')));
  const whole = /^import (?!type\b)[^;]*from '(?:rxjs|rxjs\/operators)';/m;
  expect(files.filter((_, at) => whole.test(sources[at] ?? ''))).toEqual([]);
});

/** Generous: a busy machine takes several times the processor time of a quiet one. */
const MOST_MS = 1500;

test.each(Object.keys(WEIGHTS))('%s is imported in little processor time', async (name) => {
  const program = `const before = process.cpuUsage();
    await import(${JSON.stringify(`./${name}.js`)});
    const { user, system } = process.cpuUsage(before);
    console.log((user + system) / 1000);`;
  const times: number[] = [];
  while (times.length < 3 && !times.some((ms) => ms < MOST_MS)) {
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: folder,
    });
    times.push(Number(stdout));
  }
  expect(Math.min(...times)).toBeLessThan(MOST_MS);
});
