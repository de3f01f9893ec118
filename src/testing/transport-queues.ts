import assert from 'node:assert/strict';
import { type Link, pattern, settle } from './observed.ts';
import { smallLimits } from './transport-frames.ts';
import type { TransportCase } from './transport-cases.ts';

const FRAME_BYTES = 60_000;

/** Sends until told to wait; an operating system takes some megabytes first. */
function fill({ near }: Link): number {
  let sent = 1;
  while (near.connection.send(pattern(FRAME_BYTES, sent))) sent += 1;
  return sent;
}

/** Lists what a transport promises of queues. */
export const queueCases: readonly TransportCase[] = [
  {
    title: 'says wait while the reader has not started, and drains when it has',
    check: async ({ linked }) => {
      const pair = await linked(smallLimits);
      const { near, far } = pair;
      near.start();
      let sent = 0;
      do {
        sent += fill(pair);
        await settle();
      } while (near.connection.queuedBytes <= 131_072);
      assert.ok(near.connection.queuedBytes < 131_072 + 65_536 + 4_096, 'the queue goes beyond the mark');
      const { drains } = near;
      far.start();
      await near.until(() => near.drains > drains);
      assert.ok(near.connection.queuedBytes <= 32_768, 'drain came above the low-water mark');
      await far.until(() => far.frames.length === sent);
      assert.equal(near.drains, drains + 1);
      assert.ok(far.frames.every((frame) => frame.length === FRAME_BYTES));
    },
  },
  {
    title: 'ends a connection whose sender does not wait, at maxQueuedBytes',
    check: async ({ linked }) => {
      const { near, far } = await linked(smallLimits);
      near.start();
      let highest = 0;
      for (let i = 0; i < 2_000 && near.closing === undefined; i += 1) {
        near.connection.send(new Uint8Array(FRAME_BYTES));
        highest = Math.max(highest, near.connection.queuedBytes);
        if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      assert.deepEqual(await near.closed(), { kind: 'refused', reason: 'send queue limit' });
      assert.ok(highest <= 1_048_576, `${highest} bytes were queued`);
      assert.equal(near.connection.queuedBytes, 0);
      far.start();
      assert.match((await far.closed()).kind, /^(lost|refused)$/);
    },
  },
];
