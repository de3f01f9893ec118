import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../backends/support/places.ts';
import { type ChildBundle, bundleChildren } from './support/child-bundle.ts';
import { KillLoop, type KillOptions, type KillReport } from './support/kill-loop.ts';

const scratch = temporaryDirectory();
let children: ChildBundle;

beforeAll(async () => {
  children = await bundleChildren(['kill-child']);
});

afterAll(() => {
  children.remove();
  scratch.remove();
});

function killed(options: KillOptions): Promise<KillReport> {
  return new KillLoop(children.program('kill-child'), scratch.path, options).run();
}

// Generous, because every kill is a process, and other tests want the processors too.
describe('a node killed with SIGKILL while it writes and replicates', () => {
  it('has everything it acknowledged at commit, and its peer nothing that it has not, fifteen times', async () => {
    const report = await killed({ kills: 15, seed: 1, durability: 'commit', behaviour: 'sound' });
    expect(report).toMatchObject({ kills: 15, lost: [], ahead: [], broken: [] });
    expect(report.acknowledged).toBeGreaterThan(15);
    expect(report.replicated).toBeGreaterThan(15);
    // Nothing may be missing after a kill at commit, so one life goes on.
    expect(report.lives.size).toBe(1);
  });

  it('has everything it acknowledged at interval, and goes on under a new life', async () => {
    const report = await killed({ kills: 5, seed: 2, durability: 'interval', behaviour: 'sound' });
    expect(report).toMatchObject({ kills: 5, lost: [], ahead: [], broken: [] });
    expect(report.lives.size).toBeGreaterThan(1);
  });

  it('is caught when it acknowledges before the commit', async () => {
    const report = await killed({ kills: 30, seed: 3, durability: 'commit', behaviour: 'acks-early' });
    expect(report.lost).not.toEqual([]);
  });

  it('is caught when it tells its peer before the commit', async () => {
    const report = await killed({ kills: 30, seed: 4, durability: 'commit', behaviour: 'tells-early' });
    expect(report.ahead).not.toEqual([]);
  });
});
