import { Storm, type StormTable } from './storm.ts';

/** Nothing but increments, on all nodes at once; gives what the sums must be. */
export async function countAll(
  seed: number,
): Promise<{ totals: Record<string, number>; tables: StormTable[]; close: () => Promise<void> }> {
  const storm = new Storm({ seed, mode: 'automerge', backend: seed % 2 === 0 ? 'memory' : 'sqlite' });
  const { cluster, random, declare } = storm;
  await storm.start();
  const totals: Record<string, number> = {};
  for (let step = 0; step < 80; step++) {
    const index = random.between(0, 2);
    const { node } = cluster.member(index);
    if (node === undefined) {
      await cluster.start(index, (fresh) => void declare(fresh));
      continue;
    }
    if (random.chance(0.05))
      void declare(node)
        .switchMode('automerge')
        .catch(() => undefined);
    for (let times = random.between(1, 4); times > 0; times--) {
      const key = `k${random.between(0, 3)}`;
      const by = random.between(1, 9);
      totals[key] = (totals[key] ?? 0) + by;
      declare(node).increment(key, by);
    }
    if (random.chance(0.5)) await cluster.run(random.between(0, 80));
    const other = (index + 1) % 3;
    if (random.chance(0.1)) cluster.setCut(index, other, random.chance(0.5));
    if (random.chance(0.05)) cluster.reset(index, other);
    // What a memory node wrote last goes with it; an orderly stop of a sqlite node loses nothing.
    if (seed % 2 === 1 && random.chance(0.05)) await cluster.stop(index);
  }
  await storm.calm(40_000);
  return { totals, tables: storm.tables(), close: () => cluster.close() };
}
