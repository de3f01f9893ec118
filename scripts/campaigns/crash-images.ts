// npm run campaign:crash-images -- --images 10000 --flips 5000 --seed 1
import { parseArgs } from 'node:util';
import { temporaryDirectory } from '../../test/backends/support/places.ts';
import { flipBits } from '../../test/reliability/support/bit-flips.ts';
import { bundleChildren } from '../../test/reliability/support/child-bundle.ts';
import { type Level, checkImages, record } from '../../test/reliability/support/crash-images.ts';
import { NO_SHIM, buildShim } from '../../test/reliability/support/disk-shim.ts';

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '10000' },
    flips: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
  },
});
const images = Number(values.images);
const seed = Number(values.seed);
const scratch = temporaryDirectory();
const shim = buildShim(scratch.path);
if (shim === undefined) throw new Error(`this campaign ${NO_SHIM}`);
const children = await bundleChildren(['crash-child']);
let failed = false;

async function campaign(level: Level, share: number, commits: number): Promise<void> {
  const program = children.program('crash-child');
  const parts = { shim: shim as string, program, scratch: scratch.path };
  const begun = performance.now();
  const report = await checkImages(record(parts, { level, commits, rounds: 3 }), {
    images: images * share,
    seed,
  });
  const seconds = (performance.now() - begun) / 1000;
  console.log(
    `${level}: ${report.images} images (${report.sealed} with sealed blocks) after ${report.points} calls in ${seconds.toFixed(1)} s: ` +
      `${report.lost} lost something acknowledged, ${report.wrong} wrong, oldest lost ${report.oldestLostMs.toFixed(1)} ms`,
  );
  const expectsLoss = level !== 'commit';
  if (report.wrong > 0 || report.lost > 0 !== expectsLoss) failed = true;
  if (report.wrong > 0 || !expectsLoss) for (const failure of report.failures) console.log(`  ${failure}`);
}

try {
  await campaign('commit', 0.8, 250);
  await campaign('weak', 0.1, 100);
  await campaign('interval', 0.1, 250);
  const flips = await flipBits(Number(values.flips), seed);
  console.log(
    `flipped bits: ${flips.flips}: ${flips.refused} refused, ${flips.torn} cut off with the last segment, ` +
      `${flips.unused} in no use, ${flips.accepted.length} accepted`,
  );
  for (const failure of flips.accepted.slice(0, 10)) console.log(`  ${failure}`);
  if (flips.accepted.length > 0) failed = true;
} finally {
  children.remove();
  scratch.remove();
}
if (failed) process.exitCode = 1;
