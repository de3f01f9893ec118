import assert from 'node:assert/strict';
import { pattern, settle } from './observed.ts';
import type { TransportCase } from './transport-cases.ts';

/** Longest reason that has to travel whole, in bytes of UTF-8. */
const MAX_REASON_BYTES = 123;
/** A side that never started need not wait for any time limit of the transport. */
const AT_ONCE_MS = 1_500;

/** Lists what a transport promises of the end of a connection. */
export const endingCases: readonly TransportCase[] = [
  {
    title: 'sends what is queued before it ends, and tells both sides closed with the reason',
    check: async ({ started }) => {
      const { near, far } = await started();
      for (let i = 0; i < 100; i += 1) near.connection.send(pattern(5_000, i));
      near.connection.close('moving\nout');
      assert.deepEqual(await far.closed(), { kind: 'closed', reason: 'moving out' });
      assert.deepEqual(await near.closed(), { kind: 'closed', reason: 'moving out' });
      assert.equal(far.frames.length, 100);
    },
  },
  {
    title: 'does nothing in send and close after the end, and tells closed once',
    check: async ({ started }) => {
      const { near, far } = await started();
      near.connection.close('one');
      near.connection.close('two');
      assert.equal(near.connection.send(pattern(5, 1)), false);
      await Promise.all([near.closed(), far.closed()]);
      far.connection.send(pattern(5, 2));
      far.connection.close('three');
      await settle();
      assert.equal(near.closing?.reason, 'one');
      assert.deepEqual([near.afterClosed, far.afterClosed], [0, 0]);
      assert.deepEqual([near.frames.length, far.frames.length], [0, 0]);
      assert.equal(near.connection.queuedBytes, 0);
    },
  },
  {
    title: 'delivers no frame to a side that has closed, while the other is sending',
    check: async ({ linked }) => {
      const { near, far } = await linked();
      far.start();
      near.start({ frame: () => near.connection.close('enough') });
      for (let i = 0; i < 500; i += 1) far.connection.send(pattern(1_000, i));
      await Promise.all([near.closed(), far.closed()]);
      await settle();
      assert.equal(near.frames.length, 1);
      assert.deepEqual([near.afterClosed, far.afterClosed], [0, 0]);
    },
  },
  {
    title: 'survives both sides closing at once',
    check: async ({ started }) => {
      const { near, far } = await started();
      near.connection.close('near');
      far.connection.close('far');
      assert.equal((await near.closed()).kind, 'closed');
      assert.equal((await far.closed()).kind, 'closed');
    },
  },
  {
    title: 'cuts a reason down to one line without control characters',
    check: async ({ started }) => {
      const { near, far } = await started();
      near.connection.close(`\u001b[31m${'é'.repeat(500)}\r\n`);
      const { reason } = await far.closed();
      assert.match(reason, /^\[31mé+$/);
      assert.ok(new TextEncoder().encode(reason).length <= MAX_REASON_BYTES, 'the reason is too long');
    },
  },
  {
    title: 'lets a side close that never started, without waiting for a time limit',
    check: async ({ linked }) => {
      const { near, far } = await linked();
      far.start();
      for (let i = 0; i < 10; i += 1) far.connection.send(pattern(1_000, i));
      const before = performance.now();
      near.connection.close('not wanted');
      assert.deepEqual(await far.closed(), { kind: 'closed', reason: 'not wanted' });
      assert.equal((await near.start().closed()).kind, 'closed');
      assert.equal(near.frames.length, 0);
      assert.ok(performance.now() - before < AT_ONCE_MS, 'a time limit was waited for');
    },
  },
  {
    title: 'tells a side that starts late that the connection is over',
    check: async ({ linked }) => {
      const { near, far } = await linked();
      near.start();
      near.connection.send(pattern(7, 7));
      near.connection.close('gone');
      await settle();
      far.start();
      assert.equal((await far.closed()).kind, 'closed');
      assert.equal(far.frames.length, 1);
      await near.closed();
    },
  },
];
