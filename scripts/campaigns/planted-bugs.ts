// npm run campaign:planted-bugs [-- --only <part of a name> … | --sample 30] [--times 5]
// Plants one bug at a time in a copy of the sources and names the test that catches it. --sample plants as many as it
// says, which follow from the commit: each gate plants others, and all of them come round. With --times the tests run
// so often with each bug, and have to catch it every time: what is caught by chance fails a gate by chance.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freshSeed } from '../../test/simulation/kinds.ts';
import { commitHere } from '../commit.ts';
import { plantedBugs } from './planted-bug-list.ts';
import type { PlantedBug } from './planted-bug.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const COPIED = [
  'src',
  'test',
  'scripts',
  'examples',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'tsup.config.ts',
];

interface TestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function copySources(): string {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'tablecast-planted-')));
  for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Names of the tests that fail, those of files that do not even load among them. */
function failingTests(copy: string, tests: readonly string[], more: readonly string[] = []): string[] {
  const output = join(copy, 'report.json');
  rmSync(output, { force: true });
  const args = [
    'run',
    '--project',
    'source*',
    '--reporter=json',
    `--outputFile=${output}`,
    ...more,
    ...tests,
  ];
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  // With a results directory, as in .ci/run, vitest would count these failures among the project's own.
  const { TEST_RESULTS_DIRECTORY: _, ...env } = process.env;
  spawnSync(process.execPath, [vitest, ...args], { cwd: copy, env, stdio: 'ignore', timeout: 600_000 });
  const report = JSON.parse(readFileSync(output, 'utf8')) as TestReport;
  return report.testResults.flatMap(({ name, message, assertionResults }) => {
    const file = name.slice(copy.length + 1);
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    if (failed.length === 0 && message !== '') return [`${file} (does not load)`];
    return failed.map(({ fullName }) => `${file} > ${fullName}`);
  });
}

/** Plants a bug; returns how to take it out again, or undefined when the place it belongs to is gone. */
function plant(copy: string, bug: PlantedBug): (() => void) | undefined {
  const originals = new Map<string, string>();
  const restore = () => {
    for (const [file, text] of originals) writeFileSync(file, text);
  };
  for (const { file, find, replace } of bug.edits) {
    const path = join(copy, file);
    const text = readFileSync(path, 'utf8');
    if (!originals.has(path)) originals.set(path, text);
    if (text.split(find).length !== 2) {
      restore();
      return undefined;
    }
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
  }
  return restore;
}

/** So many bugs of the list, from a place on that follows from the commit, spread over all of it. */
function sample(count: number): readonly PlantedBug[] {
  const commit = commitHere('--only');
  const { length } = plantedBugs;
  const first = freshSeed(commit, 'planted bugs') % length;
  console.log(`${Math.min(count, length)} of ${length} bugs, drawn from ${commit.slice(0, 12)}`);
  return Array.from({ length: Math.min(count, length) }, (_, index) => {
    return plantedBugs[(first + Math.floor((index * length) / count)) % length] as PlantedBug;
  });
}

/** The test that catches a bug, by every run of so many; undefined for each that lets it pass. */
function catches(copy: string, bug: PlantedBug, before: readonly string[]): (string | undefined)[] {
  return Array.from({ length: times }, () => {
    const failing = failingTests(copy, bug.tests, before.length === 0 ? ['--bail=1'] : []);
    return failing.find((test) => !before.includes(test));
  });
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [''] },
    sample: { type: 'string' },
    times: { type: 'string', default: '1' },
  },
});
const times = Number(values.times);
const bugs =
  values.sample === undefined
    ? plantedBugs.filter(({ name }) => values.only.some((part) => name.includes(part)))
    : sample(Number(values.sample));
if (bugs.length === 0) throw new Error(`No planted bug is named like '${values.only.join("' or '")}'`);
if (!(times >= 1)) throw new Error(`--times is how often, at least 1, not '${values.times}'`);
const copy = copySources();
let caught = 0;
try {
  const all = [...new Set(bugs.flatMap(({ tests }) => tests))];
  const before = failingTests(copy, all);
  for (const test of before) console.log(`fails without any bug, so it catches nothing: ${test}`);
  for (const bug of bugs) {
    const restore = plant(copy, bug);
    if (restore === undefined) {
      console.log(`GONE    ${bug.name}: the place it belongs to has changed, adapt the list`);
      continue;
    }
    const caughtBy = catches(copy, bug, before);
    restore();
    const missed = caughtBy.filter((test) => test === undefined).length;
    if (missed === 0) caught++;
    const often = times > 1 ? ` ${missed} of ${times} times` : '';
    console.log(missed > 0 ? `MISSED  ${bug.name}${often}` : `caught  ${bug.name}: ${caughtBy[0]}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`${caught} of ${bugs.length} caught`);
if (caught < bugs.length) process.exitCode = 1;
