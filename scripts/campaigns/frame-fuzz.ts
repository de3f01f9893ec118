// npm run campaign:frame-fuzz -- --frames 2000000 --seed 1
import { parseArgs } from 'node:util';
import { collectGarbage } from '../../test/reliability/support/collected-heap.ts';
import { FrameFuzz, MOST_MS } from '../../test/reliability/support/frame-fuzz.ts';

const { values } = parseArgs({
  options: { frames: { type: 'string', default: '2000000' }, seed: { type: 'string', default: '1' } },
});
const frames = Number(values.frames);
const uncaught: string[] = [];
process.on('uncaughtException', (error) => uncaught.push(String(error)));
process.on('unhandledRejection', (error) => uncaught.push(String(error)));
// What the campaign itself throws ends it here, and must not look like its end.
process.exitCode = 1;
process.on('exit', () => {
  if (process.exitCode === 1) for (const problem of uncaught.slice(0, 20)) console.error(`  ${problem}`);
});
collectGarbage();
const fuzz = await FrameFuzz.of(Number(values.seed));
const begun = performance.now();
// One frame in twenty goes through a session of a real node, the rest through the decoders.
await fuzz.decode(Math.ceil(frames * 0.95));
await fuzz.attack(Math.floor(frames * 0.05));
await fuzz.attackDearly();
await fuzz.attackWithChanges();
const { report } = fuzz;
console.log(
  `${report.frames} frames in ${((performance.now() - begun) / 1000).toFixed(1)} s: ` +
    `decoders took ${report.taken} and refused ${report.refused}, ${report.ended} of ${report.sessions} sessions ended, slowest ${report.slowestMs.toFixed(1)} ms of processor time ` +
    `(at most ${MOST_MS}), of ${report.slices} slices the slowest ${report.slowestSliceMs.toFixed(1)} ms, heap ${(report.growthBytes / 1e6).toFixed(1)} MB more at the end, ` +
    `${uncaught.length} uncaught, ${report.problems.length} problems`,
);
for (const problem of report.problems.slice(0, 20)) console.log(`  ${problem}`);
process.exitCode = uncaught.length + report.problems.length > 0 ? 1 : 0;
