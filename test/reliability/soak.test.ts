import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryDirectory } from '../backends/support/places.ts';
import { type ChildBundle, bundleChildren } from './support/child-bundle.ts';
import { soak } from './support/soak.ts';

const MIB = 1024 * 1024;
const scratch = temporaryDirectory();
let children: ChildBundle;

beforeAll(async () => {
  children = await bundleChildren(['soak-child']);
});

afterAll(() => {
  children.remove();
  scratch.remove();
});

it(
  'memory stays flat at constant rows while keys come and go, by deletion and by expiry',
  { timeout: 120_000 },
  () => {
    const report = soak(children.program('soak-child'), {
      scratch: scratch.path,
      rounds: 6,
      keysPerRound: 100_000,
    });
    for (const rows of report.rows) expect(rows).toEqual([1000, 1000, 0, 0]);
    // 100,000 keys that are not forgotten are 30 MB at two nodes; removed ones are kept up to 65,536.
    const [, , third = 0] = report.heap;
    const last = report.heap.at(-1) as number;
    expect(last - third).toBeLessThan(25 * MIB);
    expect(last).toBeLessThan(150 * MIB);
  },
);
