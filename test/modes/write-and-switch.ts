import { Storm } from './storm.ts';

/** Every write has a key of its own, so that none may be missing in the end; returns what is, per node. */
export async function writeAndSwitch(
  seed: number,
): Promise<{ missing: string[][]; close: () => Promise<void> }> {
  const storm = new Storm({ seed, mode: 'naive', backend: seed % 2 === 0 ? 'memory' : 'sqlite' });
  const { cluster, random } = storm;
  await storm.start();
  const keys: string[] = [];
  await storm.wander(60, (table, { index, step }) => {
    if (random.chance(0.1))
      void table.switchMode(random.pick(['naive', 'lww', 'automerge'])).catch(() => undefined);
    else table.set(keys[keys.push(`n${index}-${step}`) - 1] as string, step);
  });
  await storm.calm(40_000);
  const missing = storm.tables().map((table) => keys.filter((key) => !table.has(key)));
  return { missing, close: () => cluster.close() };
}
