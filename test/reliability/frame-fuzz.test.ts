import { expect, it } from 'vitest';
import { collectGarbage } from './support/collected-heap.ts';
import { FrameFuzz } from './support/frame-fuzz.ts';

/** Noise of a heap that does not grow. */
const NOISE_BYTES = 20 * 1024 * 1024;

const timeout = 120_000;

it(
  'mutated frames meet nothing but typed errors in every decoder, quickly and without leaving memory behind',
  { timeout },
  async () => {
    collectGarbage();
    const fuzz = await FrameFuzz.of(1);
    await fuzz.decode(20_000);
    const { report } = fuzz;
    expect(report.problems).toEqual([]);
    expect(report.frames).toBe(20_000);
    expect(report.growthBytes).toBeLessThan(NOISE_BYTES);
    // Many get through whole: the parsers behind the checksums are reached.
    expect(report.taken).toBeGreaterThan(1000);
    expect(report.refused).toBeGreaterThan(10_000);
  },
);

it('a peer that sends mutated frames ends its own session and nothing else', { timeout }, async () => {
  const fuzz = await FrameFuzz.of(2);
  await fuzz.attack(3000);
  await fuzz.attackDearly();
  expect(fuzz.report.slices).toBeGreaterThan(40);
  expect(fuzz.report.problems).toEqual([]);
  expect(fuzz.report.sessions).toBeGreaterThan(500);
  expect(fuzz.report.ended).toBeGreaterThan(100);
});
