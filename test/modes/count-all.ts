import { Storm, type StormTable } from './storm.ts';

/** Nothing but increments, on all nodes at once; gives what the sums must be. */
export async function countAll(
  seed: number,
): Promise<{ totals: Record<string, number>; tables: StormTable[]; close: () => Promise<void> }> {
  const storm = new Storm({ seed, mode: 'automerge', backend: seed % 2 === 0 ? 'memory' : 'sqlite' });
  const { cluster, random } = storm;
  await storm.start();
  const totals: Record<string, number> = {};
  await storm.wander(80, (table) => {
    if (random.chance(0.05)) void table.switchMode('automerge').catch(() => undefined);
    for (let times = random.between(1, 4); times > 0; times--) {
      const key = `k${random.between(0, 3)}`;
      const by = random.between(1, 9);
      totals[key] = (totals[key] ?? 0) + by;
      table.increment(key, by);
    }
  });
  await storm.calm(40_000);
  return { totals, tables: storm.tables(), close: () => cluster.close() };
}
