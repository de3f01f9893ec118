// node --import ./scripts/typescript.mjs scripts/campaigns/modes.ts [SEEDS] [FIRST]
import { connectedWith } from '../../test/support/connected-with.ts';
import { reported, truth } from '../../test/modes/oracle.ts';
import { Storm, sorted } from '../../test/modes/storm.ts';
import { writeAndSwitch } from '../../test/modes/write-and-switch.ts';

const seeds = Number(process.argv[2] ?? 1000);
const first = Number(process.argv[3] ?? 1);
let failures = 0;
let switches = 0;

function fail(seed: number, what: string, found: unknown): void {
  failures++;
  console.log(`seed ${seed}: ${what}: ${JSON.stringify(found)}`);
}

/** Every kind of write, fault and switch; then the rows must be what the mode promises. */
async function storm(seed: number): Promise<void> {
  const weather = new Storm({
    seed,
    mode: seed % 2 === 0 ? 'lww' : 'naive',
    backend: seed % 4 < 2 ? 'sqlite' : 'memory',
    size: 3 + (seed % 2),
    skewMs: seed % 3 === 0 ? 60_000 : 0,
    ...(seed % 5 < 2 ? { writeExpire: 300 } : {}),
    sometimes: (table, random) => {
      if (random.chance(0.5)) return;
      switches++;
      table.switchMode(random.pick(['naive', 'lww'])).catch(() => undefined);
    },
  });
  await weather.start();
  await weather.blow();
  // Clocks differ by up to two minutes: whatever expires has expired by then, and was compared.
  await weather.calm(150_000);
  const tables = weather.tables();
  const modes = new Set(tables.map(({ mode }) => mode));
  const rows = tables.map((table) => JSON.stringify(sorted(table)));
  if (modes.size > 1) fail(seed, 'modes', [...modes]);
  if (modes.has('lww') && new Set(rows).size > 1) fail(seed, 'rows of a convergent table', rows);
  const byId = new Map(weather.cluster.members.map(({ id, up }) => [id, weather.declare(up)]));
  for (const { id, up, index } of weather.cluster.members) {
    const table = tables[index];
    if (table === undefined || connectedWith(up).length === 0) fail(seed, 'not connected', id);
    else if (reported(table).join() !== truth(up, byId).join())
      fail(seed, `divergence of ${id}`, reported(table));
    const state = await weather.cluster.time.until(up.log.stateAt({ table: 't' }));
    const replayed = JSON.stringify(
      [...state].toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
    );
    if (replayed !== rows[index]) fail(seed, `replay of ${id}`, [replayed, rows[index]]);
  }
  await weather.cluster.close();
}

for (let seed = first; seed < first + seeds; seed++) {
  await storm(seed);
  const { missing, close } = await writeAndSwitch(seed);
  if (missing.some((keys) => keys.length > 0)) fail(seed, 'writes missing', missing);
  await close();
}
console.log(`${seeds} seeds, ${switches} switches, ${failures} failures`);
if (failures > 0) process.exitCode = 1;
