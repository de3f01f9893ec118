import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../support/seeded-random.ts';
import type { MapTable } from '../../src/index.ts';
import { AlteredCluster, type AnyMap, type Mapping, rowsOf } from './altered-cluster.ts';

interface Visits {
  readonly hits: number;
}

const SEEDS = Number(process.env['TABLECAST_ALTER_SEEDS'] ?? 12);
const FIRST = Number(process.env['TABLECAST_ALTER_FROM'] ?? 1);
const STEPS = 60;

/** What the tables have to show in the end: by key, and for counters what was added on both sides. */
type Expected = Map<string, number>;

/** One history: both sides written, the one in the middle killed, links cut. Returns what has to be there. */
async function history(it: AlteredCluster, random: SeededRandom): Promise<Expected> {
  const expected: Expected = new Map();
  const cut: [boolean, boolean] = [false, false];
  for (let step = 0; step < STEPS; step++) {
    const side = random.between(0, 1);
    const [table, name] = side === 0 ? [it.old, 'o'] : [it.new, 'n'];
    const key = `${name}${random.between(0, 4)}`;
    const kind = random.between(0, 9);
    if (kind < 4) {
      table.set(key, step);
      expected.set(key, step);
    } else if (kind < 5) {
      table.delete(key);
      expected.delete(key);
    } else if (kind < 8) {
      const counter = `both${random.between(0, 1)}`;
      table.increment(counter, step);
      expected.set(counter, (expected.get(counter) ?? 0) + step);
    } else if (kind < 9) {
      const link = random.pick([0, 1] as const);
      cut[link] = !cut[link];
      it.cluster.setCut(link, link + 1, cut[link]);
    } else {
      await it.crashCarrier();
    }
    await it.cluster.run(random.between(0, 2) === 0 ? random.between(0, 2999) : random.between(0, 3));
  }
  for (const link of [0, 1]) it.cluster.setCut(link, link + 1, false);
  await it.rest();
  return expected;
}

function numbers(table: AnyMap): Record<string, number> {
  return Object.fromEntries(Object.entries(rowsOf(table)).map(([key, value]) => [key, Number(value)]));
}

describe('in random histories with crashes and cuts', () => {
  test(`each row is on both sides as its author left it, each addition once (${SEEDS} seeds from ${FIRST})`, async () => {
    const declaration = { key: 'string', value: 'count', backend: 'sqlite', mode: 'automerge' } as const;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const it = await new AlteredCluster(seed, declaration, { ...declaration, value: 'int' }).start();
      const counters = ['both0', 'both1'];
      for (const counter of counters) it.old.set(counter, 0);
      await it.rest();
      const expected = await history(it, new SeededRandom(seed));
      for (const counter of counters) if (!expected.has(counter)) expected.set(counter, 0);
      const wanted = Object.fromEntries(expected);
      const context = `seed ${seed}`;
      expect(numbers(it.old), `${context}, old`).toEqual(wanted);
      expect(numbers(it.new), `${context}, new`).toEqual(wanted);
      expect(it.alteration.state.pairs, context).toBe(expected.size);
    }
  });

  test(`and as well where values are made by a mapping (${SEEDS} seeds from ${FIRST})`, async () => {
    const before = { key: 'string', value: 'count', backend: 'sqlite', mode: 'lww' } as const;
    const after = { ...before, key: ['string', 'string'], value: 'record', complexValues: true } as const;
    const mapping: Mapping = {
      up: ({ key, value }, standing) => ({
        key: [key, 'x'],
        value: { ...(standing?.value as Visits | undefined), hits: Number(value) },
      }),
      down: ({ key, value }) => ({ key: (key as readonly string[])[0], value: (value as Visits).hits }),
    };
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const it = await new AlteredCluster(seed, before, after, mapping).start();
      const random = new SeededRandom(seed + 1_000_000);
      const expected = new Map<string, number>();
      for (let step = 0; step < STEPS; step++) {
        const side = random.between(0, 1);
        const key = `${side}${random.between(0, 4)}`;
        const kind = random.between(0, 7);
        if (kind < 5) {
          if (side === 0) it.old.set(key, step);
          else it.new.set([key, 'x'], { hits: step, by: side });
          expected.set(key, step);
        } else if (kind < 7) {
          if (side === 0) it.old.delete(key);
          else it.new.delete([key, 'x']);
          expected.delete(key);
        } else await it.crashCarrier();
        await it.cluster.run(random.between(0, 49));
      }
      await it.rest();
      const wanted = Object.fromEntries(expected);
      const context = `seed ${seed}`;
      expect(numbers(it.old), `${context}, old`).toEqual(wanted);
      const rows = it.new as MapTable<readonly string[], Visits>;
      const shown = Array.from(rows, ([[key], { hits }]) => [key, hits] as const);
      expect(Object.fromEntries(shown), `${context}, new`).toEqual(wanted);
    }
  });
});
