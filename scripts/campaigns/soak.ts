// npm run campaign:soak -- --rounds 60 --operations 500000 --kept 1000000
import { parseArgs } from 'node:util';
import { temporaryDirectory } from '../../test/backends/support/places.ts';
import { bundleChildren } from '../../test/reliability/support/child-bundle.ts';
import { diskSoak, soak } from '../../test/reliability/support/soak.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '60' },
    operations: { type: 'string', default: '500000' },
    kept: { type: 'string', default: '1000000' },
    keys: { type: 'string', default: '100000' },
  },
});
const MIB = 1024 * 1024;
const mib = (bytes: number): string => `${(bytes / MIB).toFixed(2)} MiB`;
const rounds = Number(values.rounds);
const perRound = Number(values.operations);
const scratch = temporaryDirectory();
const children = await bundleChildren(['soak-child', 'disk-soak-child']);
try {
  const begun = performance.now();
  const disk = diskSoak(children.program('disk-soak-child'), {
    scratch: scratch.path,
    rounds,
    perRound,
    kept: Number(values.kept),
  });
  const last = disk.rounds.at(-1);
  console.log(
    `${rounds * perRound} operations on 1,000 rows, ${values.kept} kept, in ${((performance.now() - begun) / 1000).toFixed(0)} s: ` +
      `database ${mib(last?.disk ?? 0)}, slope ${mib(disk.diskSlope)} per round of ${perRound}; ` +
      `heap ${mib(last?.heap ?? 0)}, slope ${mib(disk.heapSlope)}`,
  );
  const keys = soak(children.program('soak-child'), {
    scratch: scratch.path,
    rounds: Math.max(6, Math.ceil(rounds / 6)),
    keysPerRound: Number(values.keys),
  });
  console.log(
    `keys that come and go: heap ${mib(keys.heap.at(-1) ?? 0)}, slope ${mib(keys.slope)} per round`,
  );
  // A round kept for ever takes at least five bytes an operation.
  if (disk.diskSlope > perRound * 2.5 || disk.heapSlope > MIB || keys.slope > 2 * MIB) process.exitCode = 1;
} finally {
  children.remove();
  scratch.remove();
}
