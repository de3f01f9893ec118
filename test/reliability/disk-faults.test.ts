import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../backends/support/places.ts';
import { type ChildBundle, bundleChildren } from './support/child-bundle.ts';
import { failDiskCalls } from './support/disk-faults.ts';
import { NO_SHIM, buildShim } from './support/disk-shim.ts';

const scratch = temporaryDirectory();
const shim = buildShim(scratch.path);
let children: ChildBundle | undefined;

beforeAll(async () => {
  if (shim !== undefined) children = await bundleChildren(['fault-child']);
});

afterAll(() => {
  children?.remove();
  scratch.remove();
});

// scripts/campaigns/planted-bugs.ts shows that this catches a store that goes on after a failed sync.
describe('a node whose disk fails', () => {
  it('loses nothing acknowledged, says what failed, reads on, and recovers from a full disk by itself', ({
    skip,
  }) => {
    if (shim === undefined) skip(NO_SHIM);
    const program = (children as ChildBundle).program('fault-child');
    const report = failDiskCalls({ shim: shim as string, program }, { cases: 30, offset: 3 });
    expect(report.problems).toEqual([]);
    expect(report.cases).toBeGreaterThanOrEqual(30);
    expect(report.reached).toBeGreaterThan(20);
    expect(report.poisoned).toBeGreaterThan(0);
    expect(report.recovered).toBeGreaterThan(0);
    expect(report.refusedToOpen).toBeGreaterThan(0);
  });
});
