// Runs seeded worlds: npm run simulate -- --seeds 1000 --from 1 [--verbose] [--once]
// Each world runs twice and must leave the same trace; the first failure of each seed is printed with what was drawn.
import { parseArgs } from 'node:util';
import { Simulation } from '../test/simulation/simulation.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
  },
});

const from = Number(values.from);
const seeds = Number(values.seeds);
const totals = new Map<string, number>();
const started = performance.now();
let failed = 0;
let virtualMs = 0;

async function trySeed(seed: number): Promise<void> {
  const simulation = new Simulation(seed);
  try {
    const result = await simulation.run();
    const again = values.once ? result : await new Simulation(seed).run();
    if (again.trace !== result.trace)
      throw new Error(`two runs, two traces: ${result.trace}, ${again.trace}`);
    virtualMs += result.virtualMs;
    for (const [what, count] of Object.entries({
      ...result.counts,
      writes: result.writes,
      events: result.events,
    }))
      totals.set(what, (totals.get(what) ?? 0) + count);
    if (values.verbose) console.log(JSON.stringify(result));
  } catch (error) {
    failed++;
    console.error(`seed ${seed} FAILED; replay: npm run simulate -- --from ${seed} --seeds 1 --verbose`);
    console.error(JSON.stringify(simulation.options));
    console.error(values.verbose ? error : String(error).slice(0, 2000));
  }
}

for (let seed = from; seed < from + seeds; seed++) await trySeed(seed);

const seconds = (performance.now() - started) / 1000;
const speed = virtualMs / 1000 / seconds;
console.log(Object.fromEntries(totals));
console.log(
  `${seeds - failed} of ${seeds} seeds held, ${seconds.toFixed(1)} s, ${speed.toFixed(0)} times real time (each run ${values.once ? 'once' : 'twice'})`,
);
process.exitCode = failed === 0 ? 0 : 1;
