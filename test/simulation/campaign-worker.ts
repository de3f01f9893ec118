// Runs the worlds it is told to and says what came of them.
import { Shrinker } from './shrink.ts';
import { simulate } from './simulation.ts';
import { drawOfKind } from './kinds.ts';
import type { DrawOptions, World } from './world.ts';

/** Some seeds to run. */
export interface Order {
  readonly from: number;
  readonly seeds: number;
  readonly twice: boolean;
  readonly shrinkMs: number;
  readonly draw: DrawOptions;
}

/** A world that does not hold, and the smallest one found that fails like it. */
export interface Failure {
  readonly seed: number;
  readonly error: string;
  readonly world: World;
  readonly shrunk: World | undefined;
}

/** What some seeds came to, summed up. */
export interface Outcome {
  readonly seeds: number;
  readonly totals: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

/** Runs one world, and if told to a second time, which must be the same. */
async function runWorld(world: World, twice: boolean): Promise<Readonly<Record<string, number>>> {
  const first = await simulate(world);
  if (twice) {
    const second = await simulate(world);
    if (second.trace !== first.trace)
      throw new Error(`the second run was another one: ${first.trace}, ${second.trace}`);
  }
  const { writes, applied, events, virtualMs } = first;
  return { ...first.counts, writes, applied, events, virtualMs };
}

/** Carries out an order. */
export async function carryOut({ from, seeds, twice, shrinkMs, draw }: Order): Promise<Outcome> {
  const totals: Record<string, number> = {};
  const failures: Failure[] = [];
  for (let seed = from; seed < from + seeds; seed++) {
    const world = drawOfKind(seed, draw);
    try {
      for (const [what, count] of Object.entries(await runWorld(world, twice)))
        totals[what] = (totals[what] ?? 0) + count;
    } catch (error) {
      const shrinker = shrinkMs > 0 ? await Shrinker.of(world, shrinkMs) : undefined;
      const shrunk = await shrinker?.shrink();
      failures.push({
        seed,
        error: error instanceof Error ? (error.stack ?? '') : String(error),
        world,
        shrunk,
      });
    }
  }
  return { seeds, totals, failures };
}

process.on('message', (order: Order) => {
  void carryOut(order).then((outcome) => process.send?.(outcome));
});
