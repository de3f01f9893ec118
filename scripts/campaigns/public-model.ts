// npm run campaign:public-model -- --worlds 1000 [--from 1 | --fresh] [--minutes 30] [--mesh] [--open 1]
// Real nodes over sockets and databases against plain Maps, through the public interface only. A world that fails
// prints its seed and every step; the seed draws the same steps again, in whatever order frames then come. --fresh
// takes seeds that follow from the commit. --mesh connects all nodes in some worlds. So many as --open says may fail.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { temporaryDirectory } from '../../test/backends/support/places.ts';
import { noFigures } from '../../test/reliability/support/public-model/figures.ts';
import { PublicWorld } from '../../test/reliability/support/public-model/world.ts';
import { freshSeed } from '../../test/simulation/kinds.ts';
import { commitHere } from '../commit.ts';

const { values } = parseArgs({
  options: {
    worlds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    fresh: { type: 'boolean', default: false },
    mesh: { type: 'boolean', default: false },
    open: { type: 'string', default: '0' },
    minutes: { type: 'string', default: '600' },
  },
});
const from = values.fresh ? freshSeed(commitHere('--from'), 'public model') : Number(values.from);
const worlds = Number(values.worlds);
const begun = performance.now();
const until = begun + Number(values.minutes) * 60_000;
const scratch = temporaryDirectory();
const figures = noFigures();
let held = 0;
let failed = 0;
try {
  for (let seed = from; seed < from + worlds && performance.now() < until; seed++) {
    const report = await PublicWorld.run(seed, join(scratch.path, String(seed)), values.mesh);
    for (const name of Object.keys(figures) as (keyof typeof figures)[])
      figures[name] += report.figures[name];
    if (report.problems.length === 0) {
      held++;
      continue;
    }
    failed++;
    console.error(`\nseed ${seed} FAILED:\n${report.steps.join('\n')}`);
    console.error(`seed ${seed} FAILED: ${report.problems.slice(0, 20).join('\n')}`);
    console.error(
      `replay: npm run campaign:public-model -- --from ${seed} --worlds 1${values.mesh ? ' --mesh' : ''}`,
    );
  }
} finally {
  scratch.remove();
}
const counted = Object.entries(figures).map(([name, count]) => `${count} ${name}`);
console.log(
  `${held} worlds held, ${failed} failed, seeds from ${from}, in ${((performance.now() - begun) / 1000).toFixed(0)} s: ${counted.join(', ')}`,
);
if (failed > Number(values.open) || held === 0) process.exitCode = 1;
