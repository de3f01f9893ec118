import { describe, expect, it } from 'vitest';
import { headsOf, officialRows } from './documents.ts';
import { countAll } from './count-all.ts';
import { Storm, inOrder, sorted } from './storm.ts';

describe('laws of the mode automerge', () => {
  it.each([1, 2, 3, 4, 5, 6].map((block) => block * 1000))(
    'leaves all nodes with equal rows and equal documents, whatever was delivered when (seeds from %i)',
    async (first) => {
      for (let seed = first; seed < first + 4; seed++) {
        const storm = new Storm({
          seed,
          mode: 'automerge',
          backend: seed % 2 === 0 ? 'sqlite' : 'memory',
          skewMs: seed % 3 === 0 ? 60_000 : 0,
          ...(seed % 5 < 2 ? { writeExpire: 300 } : {}),
        });
        await storm.start();
        await storm.blow();
        await storm.calm();
        const tables = storm.tables();
        const rows = tables.map(sorted);
        expect(rows, `seed ${seed}`).toEqual(rows.map(() => rows[0]));
        const heads = tables.map(headsOf);
        expect(heads, `seed ${seed}`).toEqual(heads.map(() => heads[0]));
        for (const table of tables) expect(officialRows(table), `export, seed ${seed}`).toEqual(rows[0]);
        for (const { node, index } of storm.cluster.members) {
          const state = await storm.cluster.time.until(node!.log.stateAt({ table: 't' }));
          expect(inOrder(state), `replay of node ${index}, seed ${seed}`).toEqual(rows[0]);
        }
        for (const { events, id } of storm.cluster.members)
          expect(
            events.filter(({ code }) => code === 'frame-refused'),
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
