import { fork } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'tsup';
import productOptions from '../tsup.config.ts';
import type { Contest, Contestant, Need, Sample } from './contest.ts';

const ROOT = new URL('..', import.meta.url).pathname;
// A folder per run: several may be under way.
const OWN_BUILD = join(ROOT, `node_modules/.cache/tablecast-bench/${process.pid}`);
const CONTESTS = join(ROOT, `bench/dist/${process.pid}`);
/** A sample that takes longer than this is given up. */
const SAMPLE_MS = 180_000;

/** What `--` options say about measuring. */
export interface RunOptions {
  readonly quick: boolean;
  readonly rounds: number;
  readonly peers: boolean;
  /** A build to measure, as made by `npm run build`; by default one is made of the sources. */
  readonly product?: string | undefined;
  /** Where CPU profiles of ours go. */
  readonly profile?: string | undefined;
}

/** All samples of one contestant, or why there are none. */
export interface Measured {
  readonly contestant: Contestant;
  readonly samples: readonly Sample[];
  readonly skipped?: string | undefined;
}

/** Removes what {@link buildAll} made. */
export function removeBuilds(): void {
  for (const made of [OWN_BUILD, CONTESTS]) rmSync(made, { recursive: true, force: true });
}

/** Builds the product as it is published, and the contests, so that nothing is measured through a loader. */
export async function buildAll(given?: string): Promise<void> {
  if (given === undefined) await build({ ...productOptions, config: false, silent: true, outDir: OWN_BUILD });
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
  const fixtures = new Fixtures(options);
  const rounds = Math.min(options.rounds, contest.maxRounds ?? options.rounds);
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contest.contestants) {
      if (reasons.has(contestant)) continue;
      tell(`${contest.title}: ${contestant.name}, round ${round + 1} of ${rounds}`);
      try {
        samples.get(contestant)?.push(await sampleOf(contestant, fixtures, options));
      } catch (error) {
        reasons.set(contestant, `failed: ${(error as Error).message}`);
      }
    }
  }
  fixtures.remove();
  return contest.contestants.map((contestant) => ({
    contestant,
    samples: samples.get(contestant) ?? [],
    skipped: reasons.get(contestant),
  }));
}

/** What contestants with a `prepare` find in their directory: made once, copied for every sample. */
class Fixtures {
  readonly #options: RunOptions;
  readonly #made = new Map<Contestant, string>();

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async fill(contestant: Contestant, directory: string): Promise<void> {
    const { prepare } = contestant;
    if (prepare === undefined) return;
    let made = this.#made.get(contestant);
    if (made === undefined) {
      made = mkdtempSync(join(tmpdir(), 'tablecast-bench-'));
      this.#made.set(contestant, made);
      const setting = { directory: made, quick: this.#options.quick };
      await forked({ ...contestant, export: prepare }, setting, { ...this.#options, profile: undefined });
    }
    cpSync(made, directory, { recursive: true });
  }

  remove(): void {
    for (const made of this.#made.values()) rmSync(made, { recursive: true, force: true });
  }
}

async function sampleOf(contestant: Contestant, fixtures: Fixtures, options: RunOptions): Promise<Sample> {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-bench-'));
  try {
    await fixtures.fill(contestant, directory);
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
  const given = [module, name, JSON.stringify(setting), ...(variant === undefined ? [] : [variant])];
  return new Promise((settle, reject) => {
    const child = fork(join(CONTESTS, 'child.js'), given, {
      execArgv: flags,
      env: { ...process.env, TABLECAST_BENCH_PRODUCT: productUrl(options) },
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
      if (sample !== undefined) settle(sample);
      else reject(new Error(failure(errors) ?? `ended with ${code ?? signal} and no result`));
    });
  });
}

/** The line of an uncaught error that says what it was. */
function failure(errors: string): string | undefined {
  return (
    errors.split('\n').find((line) => /^\S*Error\b/.test(line)) ??
    errors.split('\n').find((line) => line !== '')
  );
}

/** Why a contestant cannot run here, if it cannot. */
async function whyNot(contestant: Contestant, options: RunOptions): Promise<string | undefined> {
  if (contestant.kind === 'peer' && !options.peers) return 'peers were left out (--no-peers)';
  if (contestant.slow === true && options.quick) return 'left out of --quick';
  for (const need of contestant.needs ?? []) {
    const reason = await missing(need, options);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

async function missing(need: Need, options: RunOptions): Promise<string | undefined> {
  if (need.what === 'package') {
    const present = existsSync(join(ROOT, 'bench/node_modules', need.name));
    return present ? undefined : `package ${need.name} is not installed (npm install --prefix bench)`;
  }
  if (need.what === 'program') {
    const present = (process.env['PATH'] ?? '')
      .split(delimiter)
      .some((folder) => existsSync(join(folder, need.name)));
    return present ? undefined : `program ${need.name} is not installed (apt-get install ${need.name})`;
  }
  return modeMissing(need.name, options);
}

function productUrl({ product = OWN_BUILD }: RunOptions): string {
  return pathToFileURL(join(resolve(product), 'index.js')).href;
}

/** Asks the product itself whether it has a conflict mode. */
async function modeMissing(mode: string, options: RunOptions): Promise<string | undefined> {
  const { openNode } = (await import(productUrl(options))) as typeof import('tablecast');
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
