// npm run campaign:overload -- --megabytes 200 --rounds 30 --keys 100000
import { parseArgs } from 'node:util';
import { temporaryDirectory } from '../../test/backends/support/places.ts';
import { bundleChildren } from '../../test/reliability/support/child-bundle.ts';
import { pausePeer } from '../../test/reliability/support/paused-peer.ts';
import { soak } from '../../test/reliability/support/soak.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '30' },
    keys: { type: 'string', default: '100000' },
  },
});
const MOST_KEPT_BYTES = 64 * 1024 * 1024;
const MOST_SLOPE_BYTES = 1e6;
/** Long enough that the writer takes the peer for lost. */
const PAUSED_MS = 25_000;
const scratch = temporaryDirectory();
const children = await bundleChildren(['overload-child', 'reader-child', 'soak-child']);
try {
  const megabytes = Number(values.megabytes);
  const paused = await pausePeer((name) => children.program(name), {
    scratch: scratch.path,
    megabytes,
    pausedMs: PAUSED_MS,
  });
  console.log(
    `paused peer, ${megabytes} MB written: ${(paused.keptBytes / 1e6).toFixed(1)} MB kept, resident peak ` +
      `${(paused.peakBytes / 1e6).toFixed(1)} MB, ${paused.cutOff ? 'cut off' : 'not cut off'}, equal in the end`,
  );
  const rounds = Number(values.rounds);
  const report = soak(children.program('soak-child'), {
    scratch: scratch.path,
    rounds,
    keysPerRound: Number(values.keys),
  });
  console.log(
    `soak, ${rounds} rounds of ${values.keys} keys: heap ${report.heap.map((bytes) => (bytes / 1e6).toFixed(0)).join(' ')} MB, ` +
      `slope of the second half ${(report.slope / 1000).toFixed(1)} kB per round`,
  );
  const constant = report.rows.every((rows) => rows.join() === '1000,1000,0,0');
  if (!paused.cutOff || paused.keptBytes > MOST_KEPT_BYTES || report.slope > MOST_SLOPE_BYTES || !constant)
    process.exitCode = 1;
} finally {
  children.remove();
  scratch.remove();
}
