import { expect, it } from 'vitest';
import { regressionsOfAdversaries } from './regressions-of-adversaries.ts';
import { drawAdversary } from './adversary/draw.ts';
import { simulate } from './simulation.ts';

const SEEDS = 40;

it(
  `honest nodes keep what an adversary may not write, and their links, under ${SEEDS} seeds`,
  { timeout: 240_000 },
  async () => {
    const totals = new Map<string, number>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        const { counts } = await simulate(drawAdversary(seed));
        for (const [what, count] of Object.entries(counts)) totals.set(what, (totals.get(what) ?? 0) + count);
      } catch (cause) {
        const replay = `npm run simulate -- --adversary --from ${seed} --seeds 1 --shrink`;
        throw new Error(`Seed ${seed} failed. Replay: ${replay}`, { cause });
      }
    }
    // It was heard: where it may write it wrote, and elsewhere it was refused.
    const wanted = [
      'a row of the adversary',
      'told: access-refused',
      'told: fork-claimed',
      'told: frame-refused',
    ];
    expect([...totals.keys()]).toEqual(
      expect.arrayContaining([...wanted, 'storm', 'hangUp', 'restart', 'switch']),
    );
  },
);

it('a world with an adversary is the same world every time it runs', async () => {
  for (const seed of [3, 4]) {
    const [one, other] = [await simulate(drawAdversary(seed)), await simulate(drawAdversary(seed))];
    expect(other.trace).toBe(one.trace);
  }
});

it('little is kept of thousands of messages, whatever they say', async () => {
  for (const seed of [64, 448]) {
    const { counts } = await simulate(drawAdversary(seed));
    expect(counts['bytes of floods']).toBeGreaterThan(1_000_000);
  }
});

it.each(regressionsOfAdversaries)('holds where once $found', async ({ world }) => {
  const taken = world.steps.map(({ kind }) => [kind, expect.any(Number) as number]);
  expect((await simulate(world)).counts).toMatchObject(Object.fromEntries(taken));
});
