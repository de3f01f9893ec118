// npm run simulate -- --seeds 1000 [--from 1] [--mode lww] [--switching] [--forks] [--adversary] [--twice] [--shrink] [--workers 2] [--minutes 10] [--rare]
// Runs seeded worlds. A failure prints the seed, what was drawn and how to replay it; --shrink looks for a smaller
// world that fails in the same way and writes it to tmp/, to be run with --world FILE. --rare fails when a rare path
// was never taken.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCampaign } from '../test/simulation/campaign.ts';
import type { Failure } from '../test/simulation/campaign-worker.ts';
import { neverReached } from '../test/simulation/rare.ts';
import { Shrinker } from '../test/simulation/shrink.ts';
import { simulate } from '../test/simulation/simulation.ts';
import { type World, availableModes } from '../test/simulation/world.ts';

const SHRINK_MS = 120_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
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

function show(failure: Failure): void {
  const { seed, error, world, shrunk } = failure;
  const options = [
    values.mode === undefined ? '' : ` --mode ${values.mode}`,
    values.switching ? ' --switching' : '',
    values.forks ? ' --forks' : '',
    values.adversary ? ' --adversary' : '',
  ];
  console.error(`\nseed ${seed} FAILED: ${error.slice(0, 3000)}`);
  console.error(`drawn: ${JSON.stringify(world.options)}, ${world.steps.length} steps`);
  console.error(`replay: npm run simulate -- --from ${seed} --seeds 1 --twice${options.join('')}`);
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

async function campaign(): Promise<void> {
  const mode = availableModes.find((name) => name === values.mode);
  if (mode === undefined && values.mode !== undefined) throw new Error(`there is no mode ${values.mode}`);
  const begun = performance.now();
  const report = await runCampaign({
    from: Number(values.from),
    seeds: Number(values.seeds),
    twice: values.twice,
    shrinkMs: values.shrink ? SHRINK_MS : 0,
    draw: { mode, switching: values.switching, forks: values.forks, adversary: values.adversary },
    workers: Number(values.workers),
    limitMs: values.minutes === undefined ? undefined : Number(values.minutes) * 60_000,
    failed: show,
    progress: (done) => {
      if (done % 500 < 20)
        console.error(`${done} seeds after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
    },
  });
  const { totals, seconds, seeds, failures } = report;
  console.log(Object.fromEntries([...totals].toSorted(([one], [other]) => (one < other ? -1 : 1))));
  const speed = (totals.get('virtualMs') ?? 0) / 1000 / seconds;
  console.log(
    `${seeds - failures} of ${seeds} seeds held in ${seconds.toFixed(1)} s, each run ${values.twice ? 'twice' : 'once'}: ` +
      `${totals.get('applied') ?? 0} operations applied, ${speed.toFixed(0)} times real time`,
  );
  const missing = values.rare ? neverReached(totals) : [];
  if (missing.length > 0) console.error(`never reached: ${missing.join(', ')}`);
  process.exitCode = failures + missing.length === 0 ? 0 : 1;
}

await (values.world === undefined ? campaign() : replayWorld(values.world));
