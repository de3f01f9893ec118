import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../backends/support/places.ts';
import { flipBits } from './support/bit-flips.ts';
import { type ChildBundle, bundleChildren } from './support/child-bundle.ts';
import { checkImages, record } from './support/crash-images.ts';
import { NO_SHIM, buildShim } from './support/disk-shim.ts';

const scratch = temporaryDirectory();
const shim = buildShim(scratch.path);
let children: ChildBundle | undefined;

beforeAll(async () => {
  if (shim !== undefined) children = await bundleChildren(['crash-child']);
});

afterAll(() => {
  children?.remove();
  scratch.remove();
});

function recordSession(level: 'commit' | 'interval' | 'weak', commits: number, rounds: number) {
  const program = (children as ChildBundle).program('crash-child');
  return record({ shim: shim as string, program, scratch: scratch.path }, { level, commits, rounds });
}

describe('a power loss after any disk call', () => {
  it('loses nothing acknowledged at commit and leaves no file that does not open', async ({ skip }) => {
    if (shim === undefined) skip(NO_SHIM);
    const report = await checkImages(recordSession('commit', 60, 2), { images: 300, seed: 1 });
    expect(report).toMatchObject({ lost: 0, wrong: 0, failures: [] });
    expect(report.images).toBeGreaterThanOrEqual(290);
    expect(report.sealed).toBeGreaterThan(100);
  });

  it('while a file is opened for the first time leaves one that opens', async ({ skip }) => {
    if (shim === undefined) skip(NO_SHIM);
    const report = await checkImages(recordSession('commit', 1, 1), { images: 10_000, seed: 2 });
    expect(report).toMatchObject({ lost: 0, wrong: 0, failures: [] });
    expect(report.points).toBeGreaterThan(50);
  });

  it('is seen to lose acknowledged commits when synchronous is NORMAL behind the back of commit', async ({
    skip,
  }) => {
    if (shim === undefined) skip(NO_SHIM);
    const report = await checkImages(recordSession('weak', 60, 1), { images: 90, seed: 3 });
    expect(report.lost).toBeGreaterThan(30);
    expect(report.wrong).toBe(0);
  });

  it('at interval loses a whole tail of the log, no older than the window and one sync', async ({ skip }) => {
    if (shim === undefined) skip(NO_SHIM);
    const report = await checkImages(recordSession('interval', 120, 1), { images: 90, seed: 4 });
    expect(report.wrong).toBe(0);
    expect(report.lost).toBeGreaterThan(0);
    // The recorded session syncs 20 ms after the oldest unsynced commit; the rest is what one sync may take.
    expect(report.oldestLostMs).toBeLessThan(20 + 500);
  });
});

it('a flipped bit is refused, cut off with the last segment, or in no use; never taken for content', async () => {
  const report = await flipBits(300, 5);
  expect(report.accepted).toEqual([]);
  expect(report.refused).toBeGreaterThan(report.flips / 4);
  expect(report.refused + report.torn + report.unused).toBe(report.flips);
});
