import { Storm } from './storm.ts';

/** Every write has a key of its own, so that none may be missing in the end; returns what is, per node. */
export async function writeAndSwitch(
  seed: number,
): Promise<{ missing: string[][]; close: () => Promise<void> }> {
  const storm = new Storm({ seed, mode: 'naive', backend: seed % 2 === 0 ? 'memory' : 'sqlite' });
  const { cluster, random, declare } = storm;
  await storm.start();
  const keys: string[] = [];
  for (let step = 0; step < 60; step++) {
    const index = random.between(0, 2);
    const { node } = cluster.member(index);
    if (node === undefined) {
      await cluster.start(index, (fresh) => void declare(fresh));
      continue;
    }
    if (random.chance(0.1))
      void declare(node)
        .switchMode(random.pick(['naive', 'lww', 'automerge']))
        .catch(() => undefined);
    else declare(node).set(keys[keys.push(`n${index}-${step}`) - 1] as string, step);
    if (random.chance(0.5)) await cluster.run(random.between(0, 80));
    const other = (index + 1) % 3;
    if (random.chance(0.1)) cluster.setCut(index, other, random.chance(0.5));
    if (random.chance(0.05)) cluster.reset(index, other);
    if (seed % 2 === 1 && random.chance(0.05)) await cluster.stop(index);
  }
  await storm.calm(40_000);
  const missing = storm.tables().map((table) => keys.filter((key) => !table.has(key)));
  return { missing, close: () => cluster.close() };
}
