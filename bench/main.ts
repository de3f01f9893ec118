import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Baseline, ratiosOf, regressions } from './baseline.ts';
import type { Contest, Target } from './contest.ts';
import { curves } from './curves.ts';
import { reportPage } from './page.ts';
import { profileLines } from './profile.ts';
import {
  type ContestResult,
  type Report,
  type TargetResult,
  contestResult,
  targetResult,
} from './results.ts';
import { buildAll, removeBuilds, runContest } from './run.ts';
import { contestTable, summaryLine } from './screen.ts';
import { targets } from './targets.ts';

interface Flags {
  readonly quick?: boolean;
  readonly only?: readonly string[];
  readonly peers: boolean;
  readonly rounds?: number;
  readonly json?: string;
  readonly html?: string;
  readonly check?: boolean;
  readonly saveBaseline?: boolean;
  readonly product?: string;
  readonly profile?: string;
}

const BASELINE = new URL('./baseline.json', import.meta.url);
const FULL_ROUNDS = 5;
const QUICK_ROUNDS = 2;

const suite: readonly Target[] = [...targets, curves];

const flags = new Command('npm run bench --')
  .description('Measures Tablecast beside floors and peers, in turns, each in fresh processes.')
  .option(
    '--quick',
    `fewer operations, ${QUICK_ROUNDS} rounds, only the quick peers: under two minutes on a quiet machine`,
  )
  .addOption(new Option('--only <targets...>', 'these targets only').argParser(targetNames))
  .option('--no-peers', 'ours and the floors only')
  .option('--rounds <n>', `rounds per contestant (default ${FULL_ROUNDS})`, rounds)
  .option('--json <file>', 'write everything measured as JSON')
  .option('--html <file>', 'write one page with charts')
  .option('--check', 'fail when a ratio is worse than half of bench/baseline.json')
  .option('--save-baseline', 'write bench/baseline.json from this run')
  .option('--product <directory>', 'measure this build (index.js in it) instead of building the sources')
  .option('--profile <directory>', 'write CPU profiles of ours and print the dearest functions and lines')
  .showHelpAfterError()
  .parse()
  .opts<Flags>();

function targetNames(name: string, before: readonly string[] | undefined): readonly string[] {
  const found = name.toUpperCase();
  if (suite.some(({ id }) => id === found)) return [...(before ?? []), found];
  throw new InvalidArgumentError(`Targets are ${suite.map(({ id }) => id).join(', ')}.`);
}

function rounds(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('A whole number above 0 is needed.');
}

process.once('exit', removeBuilds);
process.once('SIGINT', () => process.exit(130));
await buildAll(flags.product);
const report = await measureAll();
console.log(summaryLine(report));
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
if (flags.html !== undefined) writeFileSync(flags.html, reportPage(report));
if (flags.profile !== undefined) console.log(profileLines(flags.profile).join('\n'));
if (flags.saveBaseline === true) writeFileSync(BASELINE, `${JSON.stringify(ratiosOf(report), null, 2)}\n`);
if (flags.check === true) check(report);

async function measureAll(): Promise<Report> {
  const before = loadavg()[0] as number;
  const when = new Date().toISOString();
  const results: TargetResult[] = [];
  for (const target of suite) {
    if (flags.only !== undefined && !flags.only.includes(target.id)) continue;
    const contests: ContestResult[] = [];
    for (const contest of target.contests) {
      // What was asked for by name is measured even if it is slow.
      if (contest.slow === true && flags.quick === true && flags.only === undefined) continue;
      const result = await measure(contest);
      contests.push(result);
      console.log(contestTable(target, result));
    }
    if (contests.length > 0) results.push(targetResult(target, contests));
  }
  const [cpu] = cpus();
  return {
    when,
    machine: `${cpus().length} cores, ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.versions.node,
    quick: flags.quick === true,
    rounds: flags.rounds ?? defaultRounds(),
    load: [before, loadavg()[0] as number],
    targets: results,
  };
}

async function measure(contest: Contest): Promise<ContestResult> {
  const { product, profile, peers } = flags;
  const quick = flags.quick === true;
  const options = { quick, rounds: flags.rounds ?? defaultRounds(), peers, product, profile };
  const measured = await runContest(contest, options, (line) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
  });
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  return contestResult(contest, measured);
}

function defaultRounds(): number {
  return flags.quick === true ? QUICK_ROUNDS : FULL_ROUNDS;
}

function check(measured: Report): void {
  const baseline = JSON.parse(readFileSync(BASELINE, 'utf8')) as Baseline;
  const worse = regressions(measured, baseline);
  if (worse.length === 0) {
    console.log('No ratio is worse than half of bench/baseline.json.');
    return;
  }
  console.error(`Worse than half of bench/baseline.json:\n${worse.join('\n')}`);
  process.exitCode = 1;
}
