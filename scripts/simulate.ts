// npm run simulate -- [--kind plain] --seeds 1000 [--from 1 | --fresh] [--twice] [--shrink] [--workers 2] [--minutes 10] [--rare]
//                     [--mode lww] [--switching] [--forks] [--adversary]
// npm run simulate -- --gate [--kind switching] [--workers 2]
// npm run simulate -- --world FILE
// Runs seeded worlds of a kind (test/simulation/kinds.ts). --fresh takes seeds that follow from the commit, and says
// which; --gate runs what a gate runs: some fixed seeds twice, and fresh ones. A failure prints the seed, what was
// drawn and how to replay it; --shrink looks for a smaller world that fails in the same way and writes it to tmp/, to
// be run with --world. --rare fails when a rare path was never taken.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CampaignReport, runCampaign } from '../test/simulation/campaign.ts';
import type { Failure } from '../test/simulation/campaign-worker.ts';
import { type WorldKind, freshSeed, worldKinds } from '../test/simulation/kinds.ts';
import { neverReached } from '../test/simulation/rare.ts';
import { Shrinker } from '../test/simulation/shrink.ts';
import { simulate } from '../test/simulation/simulation.ts';
import { type World, availableModes } from '../test/simulation/world.ts';
import { commitHere } from './commit.ts';

const SHRINK_MS = 120_000;

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'plain' },
    seeds: { type: 'string', default: '100' },
    from: { type: 'string' },
    fresh: { type: 'boolean', default: false },
    gate: { type: 'boolean', default: false },
    mode: { type: 'string' },
    switching: { type: 'boolean', default: false },
    forks: { type: 'boolean', default: false },
    adversary: { type: 'boolean', default: false },
    twice: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    workers: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    world: { type: 'string' },
    rare: { type: 'boolean', default: false },
  },
});

/** Seeds to run, one after the other. */
interface Stretch {
  readonly from: number;
  readonly seeds: number;
  readonly twice: boolean;
}

/** How the same worlds are drawn again. */
const drawnWith = [
  `--kind ${values.kind}`,
  ...(values.mode === undefined ? [] : [`--mode ${values.mode}`]),
  ...(['switching', 'forks', 'adversary'] as const).flatMap((name) => (values[name] ? [`--${name}`] : [])),
].join(' ');

function kindAskedFor(): WorldKind {
  const kind = worldKinds.get(values.kind);
  if (kind !== undefined) return kind;
  throw new Error(`there is no kind ${values.kind} of worlds: ${[...worldKinds.keys()].join(', ')}`);
}

/** Seeds that follow from the commit; said, so that they can be run again when another commit stands there. */
function freshStretch(seeds: number): Stretch {
  const commit = commitHere('--from');
  const from = freshSeed(commit, values.kind);
  console.log(
    `fresh seeds of ${commit.slice(0, 12)}: npm run simulate -- ${drawnWith} --from ${from} --seeds ${seeds}`,
  );
  return { from, seeds, twice: values.twice };
}

function stretches(kind: WorldKind): readonly Stretch[] {
  if (values.gate) return [{ from: 1, seeds: kind.fixed, twice: true }, freshStretch(kind.fresh)];
  const seeds = Number(values.seeds);
  return [
    values.fresh ? freshStretch(seeds) : { from: Number(values.from ?? 1), seeds, twice: values.twice },
  ];
}

function show(failure: Failure): void {
  const { seed, error, world, shrunk } = failure;
  console.error(`\nseed ${seed} FAILED: ${error.slice(0, 3000)}`);
  console.error(`drawn: ${JSON.stringify(world.options)}, ${world.steps.length} steps`);
  console.error(`replay: npm run simulate -- ${drawnWith} --from ${seed} --seeds 1 --twice`);
  if (shrunk === undefined) return;
  const directory = fileURLToPath(new URL('../tmp/', import.meta.url));
  mkdirSync(directory, { recursive: true });
  const file = `${directory}world-${seed}.json`;
  writeFileSync(file, JSON.stringify(shrunk, undefined, 1));
  console.error(
    `shrunk to ${shrunk.options.size} nodes and ${shrunk.steps.length} steps: ${JSON.stringify(shrunk)}`,
  );
  console.error(`replay: npm run simulate -- --world ${file}`);
}

async function replayWorld(file: string): Promise<void> {
  const world = JSON.parse(readFileSync(file, 'utf8')) as World;
  console.log(await simulate(world));
  if ((await Shrinker.of(world, 0)) !== undefined) process.exitCode = 1;
}

async function run(kind: WorldKind, { from, seeds, twice }: Stretch): Promise<CampaignReport> {
  const mode = availableModes.find((name) => name === values.mode);
  if (mode === undefined && values.mode !== undefined) throw new Error(`there is no mode ${values.mode}`);
  const { switching, forks, adversary } = values;
  const asked = Object.fromEntries(Object.entries({ switching, forks, adversary }).filter(([, is]) => is));
  const begun = performance.now();
  const report = await runCampaign({
    from,
    seeds,
    twice,
    shrinkMs: values.shrink ? SHRINK_MS : 0,
    draw: { ...kind.draw, mode, ...asked },
    workers: Number(values.workers),
    limitMs: values.minutes === undefined ? undefined : Number(values.minutes) * 60_000,
    failed: show,
    progress: (done) => {
      if (done % 500 < 20)
        console.error(`${done} seeds after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
    },
  });
  const speed = (report.totals.get('virtualMs') ?? 0) / 1000 / report.seconds;
  console.log(
    `${report.seeds - report.failures} of ${report.seeds} seeds held from ${from} on, each run ` +
      `${twice ? 'twice' : 'once'}, in ${report.seconds.toFixed(1)} s: ` +
      `${report.totals.get('applied') ?? 0} operations applied, ${speed.toFixed(0)} times real time`,
  );
  return report;
}

async function campaign(): Promise<void> {
  const kind = kindAskedFor();
  const totals = new Map<string, number>();
  let failures = 0;
  for (const stretch of stretches(kind)) {
    const report = await run(kind, stretch);
    const tolerated = values.gate && !stretch.twice ? kind.open : 0;
    if (report.failures > 0 && report.failures <= tolerated)
      console.error(
        `${report.failures} fresh worlds failed, of ${tolerated} that may: see docs/guarantees.md`,
      );
    failures += Math.max(0, report.failures - tolerated);
    for (const [what, count] of report.totals) totals.set(what, (totals.get(what) ?? 0) + count);
  }
  console.log(Object.fromEntries([...totals].toSorted(([one], [other]) => (one < other ? -1 : 1))));
  const missing = values.rare || (values.gate && kind.reachesAll) ? neverReached(totals) : [];
  if (missing.length > 0) console.error(`never reached: ${missing.join(', ')}`);
  process.exitCode = failures + missing.length === 0 ? 0 : 1;
}

await (values.world === undefined ? campaign() : replayWorld(values.world));
