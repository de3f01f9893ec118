import { drawAdversary } from './adversary/draw.ts';
import { type DrawOptions, type World, drawWorld } from './world.ts';

/** Draws a world of the kind that is asked for. */
export function drawOfKind(seed: number, draw: DrawOptions): World {
  return draw.adversary === true ? drawAdversary(seed, draw.mode) : drawWorld(seed, draw);
}
