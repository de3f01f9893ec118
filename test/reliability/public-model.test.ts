import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { temporaryDirectory } from '../backends/support/places.ts';
import { noFigures } from './support/public-model/figures.ts';
import { PublicWorld } from './support/public-model/world.ts';

const scratch = temporaryDirectory();

afterAll(() => scratch.remove());

it.each([[[6, 8]]])(
  'real nodes hold, tell and replay what plain Maps say, through the public interface only (seeds %o)',
  { timeout: 300_000 },
  async (seeds) => {
    const figures = noFigures();
    for (const seed of seeds) {
      const report = await PublicWorld.run(seed, join(scratch.path, String(seed)));
      expect({
        seed,
        problems: report.problems,
        steps: report.problems.length > 0 ? report.steps : [],
      }).toEqual({
        seed,
        problems: [],
        steps: [],
      });
      for (const name of Object.keys(figures) as (keyof typeof figures)[])
        figures[name] += report.figures[name];
    }
    // A world in which nothing happens holds as well.
    for (const name of ['thrown', 'refused', 'restarts', 'joins', 'contests'] as const)
      expect(figures[name]).toBeGreaterThan(0);
    expect(figures.readings).toBeGreaterThan(200);
    expect(figures.changes).toBeGreaterThan(200);
  },
);
