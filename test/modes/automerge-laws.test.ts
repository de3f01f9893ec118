import { describe, expect, it } from 'vitest';
import { headsOf, officialRows } from './documents.ts';
import { countAll } from './count-all.ts';
import { expectEqualRows, stormAtRest } from './storm.ts';

describe('laws of the mode automerge', () => {
  it.each([1, 2, 3, 4, 5, 6].map((block) => block * 1000))(
    'leaves all nodes with equal rows and equal documents, whatever was delivered when (seeds from %i)',
    async (first) => {
      for (let seed = first; seed < first + 4; seed++) {
        const storm = await stormAtRest('automerge', seed);
        const rows = await expectEqualRows(storm, seed);
        const tables = storm.tables();
        const heads = tables.map(headsOf);
        expect(heads, `seed ${seed}`).toEqual(heads.map(() => heads[0]));
        for (const table of tables) expect(officialRows(table), `export, seed ${seed}`).toEqual(rows);
        for (const { events, id } of storm.cluster.members)
          expect(
            events.filter(({ code }) => code === 'frame-refused' || code === 'operations-refused'),
            `${id}, seed ${seed}`,
          ).toEqual([]);
        await storm.cluster.close();
      }
    },
  );

  it.each([1, 2, 3, 4].map((block) => block * 100))(
    'counts every increment once, under partitions, restarts and documents begun anew (seeds from %i)',
    async (first) => {
      for (let seed = first; seed < first + 4; seed++) {
        const { totals, tables, close } = await countAll(seed);
        for (const table of tables) expect(Object.fromEntries(table), `seed ${seed}`).toEqual(totals);
        const heads = tables.map(headsOf);
        expect(heads, `seed ${seed}`).toEqual(heads.map(() => heads[0]));
        await close();
      }
    },
  );
});
