// npm run campaign:acknowledgements -- --rounds 20 --seed 7
import { parseArgs } from 'node:util';
import { temporaryDirectory } from '../../test/backends/support/places.ts';
import { Acknowledged } from '../../test/reliability/support/acknowledged.ts';
import { bundleChildren } from '../../test/reliability/support/child-bundle.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, seed: { type: 'string', default: '1' } },
});
const scratch = temporaryDirectory();
const children = await bundleChildren(['cli-child']);
try {
  const begun = performance.now();
  const campaign = new Acknowledged(children.program('cli-child'), scratch.path, Number(values.seed));
  const { cases, succeeded, refused, problems } = await campaign.run(Number(values.rounds));
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${cases} commands in ${seconds} s: ${succeeded} ended with 0, ${refused} did not, ${problems.length} said otherwise than it is`,
  );
  for (const problem of problems.slice(0, 20)) console.log(`  ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
} finally {
  children.remove();
  scratch.remove();
}
