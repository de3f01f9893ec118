import { Command } from 'commander';
import { buildAll, runContest } from './run.ts';
import { targets } from './targets.ts';
import { median } from './clock.ts';

const program = new Command('bench')
  .option('--quick').option('--only <ids...>').option('--no-peers').option('--rounds <n>', '', '3').option('--product <dir>').option('--profile <dir>').parse();
const o = program.opts();
await buildAll(o.product);
for (const t of targets) {
  if (o.only && !o.only.includes(t.id)) continue;
  for (const c of t.contests) {
    const r = await runContest(c, { quick: !!o.quick, rounds: Number(o.rounds), peers: o.peers, profile: o.profile, product: o.product }, () => {});
    console.log('##', t.id, c.title);
    for (const m of r) {
      if (!m.samples.length) { console.log(m.contestant.name.padEnd(30), 'skipped', m.skipped); continue; }
      console.log(m.contestant.name.padEnd(30), c.metrics.map((k) => `${k.name}=${median(m.samples.map((s) => s[k.name] ?? NaN)).toPrecision(4)} [${m.samples.map((s) => (s[k.name] ?? NaN).toPrecision(3)).join(' ')}]`).join('  '));
    }
  }
}
