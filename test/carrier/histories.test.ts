import { describe, expect, test } from 'vitest';
import { historyOver } from './history.ts';

const SEEDS = Number(process.env['TABLECAST_CARRIER_SEEDS'] ?? 6);

describe('nodes behind a carrier that goes away, forgets, and repeats itself', () => {
  const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1);
  test.each(seeds)(
    'are equal in the end, with every confirmed write, and know where they differ (seed %i)',
    async (seed) => {
      const { rows, confirmed, reported, truth } = await historyOver(seed);
      for (const table of rows.slice(1)) expect(table).toEqual(rows[0]);
      const keys = new Set(rows[0]?.map(([key]) => key));
      expect(confirmed.filter((key) => !keys.has(key))).toEqual([]);
      expect(confirmed.length).toBeGreaterThan(0);
      expect(reported).toEqual(truth);
    },
  );
});
