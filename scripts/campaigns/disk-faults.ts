// npm run campaign:disk-faults -- --cases 100000
import { parseArgs } from 'node:util';
import { temporaryDirectory } from '../../test/backends/support/places.ts';
import { bundleChildren } from '../../test/reliability/support/child-bundle.ts';
import { failDiskCalls } from '../../test/reliability/support/disk-faults.ts';
import { NO_SHIM, buildShim } from '../../test/reliability/support/disk-shim.ts';

// More cases than there are means: every call in every way.
const { values } = parseArgs({ options: { cases: { type: 'string', default: '100000' } } });
const scratch = temporaryDirectory();
const shim = buildShim(scratch.path);
if (shim === undefined) throw new Error(`this campaign ${NO_SHIM}`);
const children = await bundleChildren(['fault-child']);
try {
  const begun = performance.now();
  const program = children.program('fault-child');
  const report = failDiskCalls({ shim, program }, { cases: Number(values.cases), offset: 0 });
  console.log(
    `${report.cases} of ${report.all} cases in ${((performance.now() - begun) / 1000).toFixed(1)} s: ` +
      `${report.reached} reached, ${report.refusedToOpen} refused to open, ${report.poisoned} failed for good, ` +
      `${report.recovered} recovered by themselves, ${report.problems.length} problems`,
  );
  for (const problem of report.problems.slice(0, 20)) console.log(`  ${problem}`);
  if (report.problems.length > 0) process.exitCode = 1;
} finally {
  children.remove();
  scratch.remove();
}
