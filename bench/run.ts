import { fork } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { build } from 'tsup';
import productOptions from '../tsup.config.ts';
import type { Contest, Contestant, Need, Sample } from './contest.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const PRODUCT = join(ROOT, 'node_modules/.cache/tablecast-bench/product');
const CONTESTS = join(ROOT, 'bench/dist');
/** A sample that takes longer than this is given up. */
const SAMPLE_MS = 180_000;

/** What `--` options say about measuring. */
export interface RunOptions {
  readonly quick: boolean;
  readonly rounds: number;
  readonly peers: boolean;
  /** Where CPU profiles of ours go. */
  readonly profile?: string | undefined;
}

/** All samples of one contestant, or why there are none. */
export interface Measured {
  readonly contestant: Contestant;
  readonly samples: readonly Sample[];
  readonly skipped?: string | undefined;
}

/** Builds the product as it is published, and the contests, so that nothing is measured through a loader. */
export async function buildAll(): Promise<void> {
  await build({ ...productOptions, config: false, silent: true, outDir: PRODUCT });
  await build({
    config: false,
    silent: true,
    entry: ['bench/*.ts', 'bench/peers/*.ts'],
    format: 'esm',
    target: 'node20',
    outDir: CONTESTS,
    clean: true,
    splitting: true,
    skipNodeModulesBundle: true,
    removeNodeProtocol: false,
  });
}

/** Measures a contest in turns; `tell` hears of each sample. */
export async function runContest(
  contest: Contest,
  options: RunOptions,
  tell: (line: string) => void,
): Promise<readonly Measured[]> {
  const reasons = new Map<Contestant, string>();
  const samples = new Map<Contestant, Sample[]>(contest.contestants.map((contestant) => [contestant, []]));
  for (const contestant of contest.contestants) {
    const reason = await whyNot(contestant, options);
    if (reason !== undefined) reasons.set(contestant, reason);
  }
  const rounds = Math.min(options.rounds, contest.maxRounds ?? options.rounds);
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contest.contestants) {
      if (reasons.has(contestant)) continue;
      tell(`${contest.title}: ${contestant.name}, round ${round + 1} of ${rounds}`);
      try {
        samples.get(contestant)?.push(await sampleOf(contestant, options));
      } catch (error) {
        reasons.set(contestant, `failed: ${(error as Error).message}`);
      }
    }
  }
  return contest.contestants.map((contestant) => ({
    contestant,
    samples: samples.get(contestant) ?? [],
    skipped: reasons.get(contestant),
  }));
}

async function sampleOf(contestant: Contestant, options: RunOptions): Promise<Sample> {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-bench-'));
  try {
    return await forked(contestant, { directory, quick: options.quick }, options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function forked(contestant: Contestant, setting: object, options: RunOptions): Promise<Sample> {
  const { module, export: name, variant, kind } = contestant;
  const flags = ['--expose-gc'];
  if (options.profile !== undefined && kind === 'ours') {
    mkdirSync(options.profile, { recursive: true });
    flags.push('--cpu-prof', '--cpu-prof-dir', options.profile);
  }
  const arguments_ = [module, name, JSON.stringify(setting), ...(variant === undefined ? [] : [variant])];
  return new Promise((resolve, reject) => {
    const child = fork(join(CONTESTS, 'child.js'), arguments_, {
      execArgv: flags,
      env: { ...process.env, TABLECAST_BENCH_PRODUCT: new URL(`file://${PRODUCT}/index.js`).href },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4000);
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), SAMPLE_MS);
    let sample: Sample | undefined;
    child.on('message', (message: { sample?: Sample }) => {
      sample = message.sample ?? sample;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (sample !== undefined) resolve(sample);
      else reject(new Error(failure(errors) ?? `ended with ${code ?? signal} and no result`));
    });
  });
}

/** The line of an uncaught error that says what it was. */
function failure(errors: string): string | undefined {
  return errors.split('\n').find((line) => /^\S*Error\b/.test(line)) ?? errors.split('\n').find((line) => line !== '');
}

/** Why a contestant cannot run here, if it cannot. */
async function whyNot(contestant: Contestant, options: RunOptions): Promise<string | undefined> {
  if (contestant.kind === 'peer' && !options.peers) return 'peers were left out (--no-peers)';
  for (const need of contestant.needs ?? []) {
    const reason = await missing(need);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

async function missing(need: Need): Promise<string | undefined> {
  if (need.what === 'package') {
    const present = existsSync(join(ROOT, 'bench/node_modules', need.name));
    return present ? undefined : `package ${need.name} is not installed (npm install --prefix bench)`;
  }
  if (need.what === 'program') {
    const present = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, need.name)));
    return present ? undefined : `program ${need.name} is not installed (apt-get install ${need.name})`;
  }
  return modeMissing(need.name);
}

/** Asks the product itself whether it has a conflict mode. */
async function modeMissing(mode: string): Promise<string | undefined> {
  const { openNode } = (await import(join(PRODUCT, 'index.js'))) as typeof import('tablecast');
  const node = await openNode({ id: 'asked' });
  try {
    node.table('asked', { key: 'string', value: 'double', mode: mode as 'naive' });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await node.close();
  }
}
