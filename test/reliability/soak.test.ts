import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../backends/support/places.ts';
import { type ChildBundle, bundleChildren } from './support/child-bundle.ts';
import { diskSoak, soak } from './support/soak.ts';

const MIB = 1024 * 1024;
const scratch = temporaryDirectory();
let children: ChildBundle;

beforeAll(async () => {
  children = await bundleChildren(['soak-child', 'disk-soak-child']);
});

afterAll(() => {
  children.remove();
  scratch.remove();
});

it('memory stays flat at constant rows while keys come and go, by deletion and by expiry', () => {
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
});

describe('under endless writes to a thousand rows', () => {
  const rounds = 10;
  const perRound = 60_000;

  it('disk and memory stay bounded when the log is', () => {
    const program = children.program('disk-soak-child');
    const report = diskSoak(program, { scratch: scratch.path, rounds, perRound, kept: 50_000 });
    expect(report.rounds.map(({ rows }) => rows)).toEqual(report.rounds.map(() => 1000));
    // A round that is kept for ever takes 60,000 operations of 6 bytes, sealed: half of that is no slope.
    expect(report.diskSlope).toBeLessThan((perRound * 6) / 2);
    expect(report.heapSlope).toBeLessThan(MIB);
    expect(report.rounds.at(-1)?.first).toBeGreaterThan(rounds * perRound - 4 * 65_536);
  });

  it('is seen to grow by what is written when everything is kept', () => {
    const program = children.program('disk-soak-child');
    const report = diskSoak(program, { scratch: scratch.path, rounds, perRound, kept: 0 });
    expect(report.rounds.at(-1)?.first).toBe(1);
    expect(report.diskSlope).toBeGreaterThan((perRound * 6) / 2);
  });
});
