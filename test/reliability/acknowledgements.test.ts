import { expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../backends/support/places.ts';
import { Acknowledged } from './support/acknowledged.ts';
import { bundleChildren } from './support/child-bundle.ts';

it.skipIf(process.platform === 'win32')(
  'what a command says to have happened has happened, whatever its disk, its node and its output do',
  { timeout: 900_000 },
  async () => {
    const scratch = temporaryDirectory();
    onTestFinished(() => scratch.remove());
    const children = await bundleChildren(['cli-child']);
    onTestFinished(() => children.remove());
    const campaign = new Acknowledged(children.program('cli-child'), scratch.path, 1);
    const { cases, succeeded, refused, problems } = await campaign.run(1);
    expect(problems).toEqual([]);
    expect(cases).toBe(44);
    // Both happen, or nothing was tried.
    expect(succeeded).toBeGreaterThanOrEqual(8);
    expect(refused).toBeGreaterThanOrEqual(20);
  },
);
