import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../backends/support/places.ts';
import { type ChildBundle, bundleChildren } from './support/child-bundle.ts';
import { NodeUnderAttack } from './support/fake-peer.ts';
import { pausePeer } from './support/paused-peer.ts';

const MIB = 1024 * 1024;
const scratch = temporaryDirectory();
let children: ChildBundle;

beforeAll(async () => {
  children = await bundleChildren(['overload-child', 'reader-child']);
});

afterAll(() => {
  children.remove();
  scratch.remove();
});

describe('a peer that does not read', () => {
  it('costs at most 64 MiB while 40 MB are written, and has the same rows soon after it goes on', async () => {
    const options = { scratch: scratch.path, megabytes: 40, pausedMs: 0 };
    const report = await pausePeer((name) => children.program(name), options);
    expect(report.keptBytes).toBeLessThan(64 * MIB);
    expect(report.equal).toBe(true);
  });

  it('is sent no more than a window of 4 MiB beyond what it acknowledged', async () => {
    const target = await NodeUnderAttack.open({ id: 'writer' });
    const table = target.node.table('rows', { key: 'string', value: 'string', backend: 'memory' });
    const peer = target.connect();
    peer.greet('silent');
    for (let count = 0; count < 2000; count++) {
      table.set(`key ${count}`, 'x'.repeat(10_000));
      if (count % 20 === 0) await setImmediate();
    }
    await setImmediate();
    const sent = peer.received.reduce((sum, { length }) => sum + length, 0);
    expect(sent).toBeGreaterThan(3 * MIB);
    // The window may be passed by the one frame that closes it.
    expect(sent).toBeLessThan(4 * MIB + 1.5 * MIB);
    await target.close();
  });
});
