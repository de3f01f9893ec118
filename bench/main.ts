import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Baseline, MARGIN, contestId, ratiosOf, regressions } from './baseline.ts';
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
/** A ratio that looks worse is judged by as many rounds: what two of them say is often the weather. */
const JUDGING_ROUNDS = 9;

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
  .option(
    '--check',
    `measure again what looks ${MARGIN} times worse than bench/baseline.json, and fail when it stays so`,
  )
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
const report = await measureAll(flags.rounds ?? defaultRounds(), ({ id }, { slow }) => {
  if (flags.only !== undefined) return flags.only.includes(id);
  return slow !== true || flags.quick !== true;
});
console.log(summaryLine(report));
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
if (flags.html !== undefined) writeFileSync(flags.html, reportPage(report));
if (flags.profile !== undefined) console.log(profileLines(flags.profile).join('\n'));
if (flags.saveBaseline === true) saveBaseline();
if (flags.check === true) await check();

/** Measures the contests that are `wanted`, and prints each when it is done. */
async function measureAll(
  contestRounds: number,
  wanted: (target: Target, contest: Contest) => boolean,
): Promise<Report> {
  const before = loadavg()[0] as number;
  const when = new Date().toISOString();
  const results: TargetResult[] = [];
  for (const target of suite) {
    const contests: ContestResult[] = [];
    for (const contest of target.contests) {
      if (!wanted(target, contest)) continue;
      const result = await measure(contest, contestRounds);
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
    rounds: contestRounds,
    load: [before, loadavg()[0] as number],
    targets: results,
  };
}

async function measure(contest: Contest, contestRounds: number): Promise<ContestResult> {
  const { product, profile, peers } = flags;
  const quick = flags.quick === true;
  const options = { quick, rounds: contestRounds, peers, product, profile };
  const measured = await runContest(contest, options, (line) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
  });
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  return contestResult(contest, measured);
}

function defaultRounds(): number {
  return flags.quick === true ? QUICK_ROUNDS : FULL_ROUNDS;
}

function readBaseline(): Baseline {
  return JSON.parse(readFileSync(BASELINE, 'utf8')) as Baseline;
}

/** Other contests and the other size keep what they had. */
function saveBaseline(): void {
  const before = readBaseline();
  const size = report.quick ? 'quick' : 'full';
  const after: Baseline = { ...before, [size]: { ...before[size], ...ratiosOf(report) } };
  writeFileSync(BASELINE, `${JSON.stringify(after, null, 2)}\n`);
}

async function check(): Promise<void> {
  const baseline = readBaseline();
  const suspects = new Set(regressions(report, baseline).map(({ contest }) => contest));
  if (suspects.size > 0) {
    console.log(`\nMeasured again in ${JUDGING_ROUNDS} rounds: ${[...suspects].join(', ')}`);
    const again = await measureAll(JUDGING_ROUNDS, (target, contest) =>
      suspects.has(contestId(target, contest)),
    );
    const worse = regressions(again, baseline);
    if (worse.length > 0) {
      console.error(
        `${MARGIN} times worse than bench/baseline.json:\n${worse.map(({ sentence }) => sentence).join('\n')}`,
      );
      process.exitCode = 1;
      return;
    }
  }
  console.log(`No ratio is ${MARGIN} times worse than bench/baseline.json.`);
}
