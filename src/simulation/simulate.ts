import { createHash } from 'node:crypto';
import { TablecastError } from '../errors.ts';
import { type Fault, type Plan, describeFault, drawPlan } from './faults.ts';
import {
  type CheckedOptions,
  type SimulatedTables,
  type SimulationOptions,
  type SimulationReport,
  checkSimulation,
} from './options.ts';
import { type Outcome, World, tryNode } from './world.ts';

/** Bounds how often a world that failed is run again with fewer faults. */
const MOST_TRIES = 60;

/**
 * Runs a program on several nodes under seeded partitions, crashes and clocks, one world for each seed. Resolves with
 * a report, which is the same for the same options and seed.
 *
 * Throws `OPTION_INVALID`, `DECLARATION_INVALID`, and `SIMULATION_FAILED` for the first seed under which the program or the check throws: it
 * names the seed, the faults that it takes and how to repeat it. Its `cause` is what was thrown.
 */
export async function simulate<const T extends SimulatedTables, L = undefined>(
  options: SimulationOptions<T, L>,
): Promise<SimulationReport> {
  const checked = checkSimulation(options, process.env['TABLECAST_SEED']);
  await tryNode(checked);
  const { seed: first, seeds, twice } = checked;
  const trace = createHash('sha256');
  const sums = { virtualMs: 0, frames: 0, faults: { partition: 0, crash: 0, clock: 0 } };
  for (let seed = first; seed < first + seeds; seed++) {
    const plan = drawPlan(seed, checked);
    const outcome = await new World(seed, plan, checked).run();
    const repeats = !(twice || outcome.failure !== undefined) || (await isSame(outcome, seed, plan, checked));
    if (outcome.failure !== undefined || !repeats)
      throw await failed(outcome, { seed, plan, repeats }, checked);
    trace.update(outcome.trace);
    sums.virtualMs += outcome.virtualMs;
    sums.frames += outcome.frames;
    for (const { kind } of outcome.faults) sums.faults[kind]++;
  }
  return { seed: first, seeds, trace: trace.digest('hex').slice(0, 16), ...sums };
}

interface Failed {
  readonly seed: number;
  readonly plan: Plan;
  /** Is true when a second run went the same way. */
  readonly repeats: boolean;
}

async function isSame<T extends SimulatedTables, L>(
  { trace, failure }: Outcome,
  ...world: readonly [seed: number, plan: Plan, options: CheckedOptions<T, L>]
): Promise<boolean> {
  const second = await new World(...world).run();
  return second.trace === trace && textOf(second.failure?.error) === textOf(failure?.error);
}

/** The first line of what was thrown. */
function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] as string;
}

async function failed<T extends SimulatedTables, L>(
  { failure, trace, faults }: Outcome,
  { seed, plan, repeats }: Failed,
  options: CheckedOptions<T, L>,
): Promise<TablecastError> {
  const what = failure === undefined ? 'did not run the same way twice' : `failed: ${textOf(failure.error)}`;
  const when = failure === undefined ? '' : ` after ${failure.atMs} ms`;
  const lines = [`Seed ${seed} of the simulation ${what}${when === '' ? '' : ` (${when.trim()})`}`];
  if (repeats && failure !== undefined) {
    const fewest = await fewestFaults(seed, { ...plan, faults }, options, textOf(failure.error));
    lines.push(fewest.length === 0 ? '  without any fault' : '  with these faults:');
    for (const fault of fewest) lines.push(`    ${describeFault(fault)}`);
  } else {
    lines.push(
      '  A second run went another way: the program uses a clock, a timer, randomness or input of its own.',
    );
  }
  lines.push(`  To repeat it, set TABLECAST_SEED=${seed} and run the same again.`);
  return new TablecastError('SIMULATION_FAILED', lines.join('\n'), {
    hint: repeats
      ? `Run it under this seed alone: TABLECAST_SEED=${seed} in the environment, or seed: ${seed}.`
      : 'Take time, timers and randomness from the second argument of the program: see docs/simulation.md.',
    details: { seed, atMs: failure?.atMs, trace, repeats },
    cause: failure?.error,
  });
}

/** The fewest faults with which a world was seen to fail in the same way: leaves out halves, then ever less. */
async function fewestFaults<T extends SimulatedTables, L>(
  seed: number,
  plan: Plan,
  options: CheckedOptions<T, L>,
  wanted: string,
): Promise<readonly Fault[]> {
  let { faults } = plan;
  let tries = MOST_TRIES;
  const failsWith = async (fewer: readonly Fault[]): Promise<boolean> => {
    if (tries-- <= 0) return false;
    const { failure } = await new World(seed, { ...plan, faults: fewer }, options).run();
    return failure !== undefined && shapeOf(textOf(failure.error)) === shapeOf(wanted);
  };
  if (await failsWith([])) return [];
  for (let length = Math.ceil(faults.length / 2); length >= 1; length = Math.floor(length / 2)) {
    for (let at = faults.length - length; at >= 0; at -= length) {
      const fewer = faults.toSpliced(at, length);
      if (await failsWith(fewer)) faults = fewer;
    }
  }
  return faults;
}

/** A message without the numbers that change when a world does. */
function shapeOf(message: string): string {
  return message.replaceAll(/\d+/g, '#');
}
