import { expect, it } from 'vitest';
import { drawClocks } from './clocks/draw.ts';
import { MODES, world } from './regression-world.ts';
import { regressionsOfClocks } from './regressions-of-clocks.ts';
import { simulate } from './simulation.ts';

const SEEDS = 40;

it(
  `rows go in time, and the last write seen stands, whatever clocks do, under ${SEEDS} seeds`,
  { timeout: 240_000 },
  async () => {
    const counts: Record<string, number> = {};
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = await simulate(drawClocks(seed)).catch((cause: unknown) => {
        throw new Error(
          `Seed ${seed} failed. Replay: npm run simulate -- --kind clocks --from ${seed} --seeds 1`,
          {
            cause,
          },
        );
      });
      for (const [what, count] of Object.entries(result.counts)) counts[what] = (counts[what] ?? 0) + count;
    }
    expect(counts).toMatchObject({
      clockJump: expect.any(Number) as number,
      clockCorrect: expect.any(Number) as number,
      switched: expect.any(Number) as number,
    });
  },
);

it('a row is not let go early where its author had lost the one before to a removal that came late', async () => {
  const declaration = {
    key: 'string',
    value: 'count',
    backend: 'sqlite',
    mode: 'naive',
    createExpire: 20_000,
  } as const;
  const tables = { t1: { declaration, switched: true, cleared: false } };
  const options = { tables, modes: MODES, clocks: true };
  const shrunk = world(1886322662, options, [
    ['batch', 212338022, 0],
    ['write', 350164145, 10_000],
    ['write', 305574474, 0],
  ]);
  expect((await simulate(shrunk)).counts).toMatchObject({ batch: 1, write: 2 });
});

it.each(regressionsOfClocks)('holds where once $found', async ({ world: shrunk }) => {
  expect((await simulate(shrunk)).counts).toMatchObject({ write: expect.any(Number) as number });
});

it('a world of wrong clocks is the same world every time it runs', async () => {
  const [one, other] = [await simulate(drawClocks(3)), await simulate(drawClocks(3))];
  expect(other.trace).toBe(one.trace);
});
