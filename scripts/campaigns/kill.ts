// npm run campaign:kill -- --kills 200 --seed 1
import { parseArgs } from 'node:util';
import { temporaryDirectory } from '../../test/backends/support/places.ts';
import { bundleChildren } from '../../test/reliability/support/child-bundle.ts';
import { KillLoop } from '../../test/reliability/support/kill-loop.ts';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const scratch = temporaryDirectory();
const children = await bundleChildren(['kill-child']);
let failed = false;

async function campaign(durability: 'commit' | 'interval', kills: number): Promise<void> {
  const begun = performance.now();
  const options = { kills, seed: Number(values.seed), durability, behaviour: 'sound' } as const;
  const report = await new KillLoop(children.program('kill-child'), scratch.path, options).run();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${durability}: ${report.kills} kills in ${seconds} s, ${report.killedWhileOpening} while opening, ` +
      `${report.acknowledged} acknowledgements, ${report.replicated} operations at the peer, ${report.lives.size} lives: ` +
      `${report.lost.length} lost, ${report.ahead.length} ahead, ${report.broken.length} broken`,
  );
  const problems = [...report.lost, ...report.ahead, ...report.broken];
  for (const problem of problems.slice(0, 10)) console.log(`  ${problem}`);
  if (problems.length > 0) failed = true;
}

try {
  await campaign('commit', Math.ceil(Number(values.kills) * 0.8));
  await campaign('interval', Math.floor(Number(values.kills) * 0.2));
} finally {
  children.remove();
  scratch.remove();
}
if (failed) process.exitCode = 1;
