import { createHash } from 'node:crypto';
import { drawAdversary } from './adversary/draw.ts';
import { drawClocks } from './clocks/draw.ts';
import { type DrawOptions, type World, drawWorld } from './world.ts';

/** A kind of worlds. A gate runs some under seeds that stay the same, each twice, and some under fresh ones. */
export interface WorldKind {
  readonly draw: DrawOptions;
  readonly fixed: number;
  readonly fresh: number;
  /**
   * Of the fresh ones so many may fail, each shown with its seed: a gate must not keep a change out for a fault that it
   * did not make, and must for one that shows often. How many follows from what has held; see docs/decisions/0037.
   */
  readonly open: number;
  /** Whether a gate's worlds together must reach every path of `rare.ts`. */
  readonly reachesAll: boolean;
}

/** Every kind by its name: `--kind` of `npm run simulate`, and one gate each. */
export const worldKinds: ReadonlyMap<string, WorldKind> = new Map([
  ['plain', { draw: {}, fixed: 1000, fresh: 4000, open: 2, reachesAll: true }],
  ['switching', { draw: { switching: true }, fixed: 200, fresh: 1500, open: 2, reachesAll: false }],
  ['forks', { draw: { forks: true }, fixed: 200, fresh: 1500, open: 2, reachesAll: false }],
  ['clocks', { draw: { clocks: true }, fixed: 100, fresh: 600, open: 2, reachesAll: false }],
  ['adversary', { draw: { adversary: true }, fixed: 100, fresh: 600, open: 2, reachesAll: false }],
]);

/** Draws a world of the kind that is asked for. */
export function drawOfKind(seed: number, draw: DrawOptions): World {
  if (draw.clocks === true) return drawClocks(seed, draw.mode);
  return draw.adversary === true ? drawAdversary(seed, draw.mode) : drawWorld(seed, draw);
}

/** Fresh seeds lie from here on, and others below; worlds draw from 31 bits of their seed. */
const FRESH_FROM: number = 2 ** 30;
const FRESH_SEEDS: number = 2 ** 30 - 2 ** 20;

/** The first of the fresh seeds that a commit gives to a kind of worlds: others with each commit, and the same whenever it is asked. */
export function freshSeed(commit: string, kind: string): number {
  const drawn = createHash('sha256').update(`${commit} ${kind}`).digest().readUInt32BE(0);
  return FRESH_FROM + (drawn % FRESH_SEEDS);
}
