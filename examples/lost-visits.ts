// Finds a bug in a program by running it under seeded faults: it reads, adds and writes, where others do the same.
// Run it: node --import ./scripts/typescript.mjs examples/lost-visits.ts
import assert from 'node:assert/strict';
import { simulate } from 'tablecast/simulation';

const tables = { visits: { key: 'string', value: 'count', backend: 'sqlite', mode: 'automerge' } } as const;
const count = (how: 'by reading and writing' | 'by increment') =>
  simulate({
    nodes: 3,
    seeds: 20,
    tables,
    ledger: () => ({ told: 0, tried: 0 }),
    program({ node, tables: { visits } }, { ledger, random, setInterval }) {
      setInterval(
        async () => {
          ledger.tried++;
          if (how === 'by increment') visits.increment('home');
          else visits.set('home', (visits.get('home') ?? 0) + 1);
          await node.flush();
          ledger.told++;
        },
        500 + random() * 500,
      );
    },
    check(nodes, { told, tried }) {
      for (const {
        tables: { visits },
      } of nodes) {
        const counted = visits.get('home') ?? 0;
        assert.ok(counted >= told && counted <= tried, `${counted} counted, ${told} made`);
      }
    },
  });

await assert.rejects(count('by reading and writing'), (error: Error) => {
  console.log(error.message);
  return /counted/.test(error.message);
});
console.log('by increment', await count('by increment'));
