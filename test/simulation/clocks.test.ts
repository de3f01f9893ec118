import { expect, it } from 'vitest';
import { drawClocks } from './clocks/draw.ts';
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

it('a world of wrong clocks is the same world every time it runs', async () => {
  const [one, other] = [await simulate(drawClocks(3)), await simulate(drawClocks(3))];
  expect(other.trace).toBe(one.trace);
});
