import assert from 'node:assert/strict';
import type { FrameLimitOptions } from '../transport/limits.ts';
import { pattern, settle } from './observed.ts';
import { assertBytes } from './suite.ts';
import type { TransportCase } from './transport-cases.ts';

/** Limits at which cases meet them soon. */
export const smallLimits: FrameLimitOptions = {
  maxFrameBytes: 65_536,
  highWaterBytes: 131_072,
  lowWaterBytes: 32_768,
  maxQueuedBytes: 1_048_576,
};

const SIZES = [0, 1, 2, 125, 126, 127, 255, 256, 1_023, 1_024, 1_025, 4_095, 65_535, 65_536];

/** Lists what a transport promises of frames. */
export const frameCases: readonly TransportCase[] = [
  {
    title: 'says which side dialled and where the other is',
    check: async ({ started }) => {
      const { near, far } = await started();
      assert.equal(near.connection.direction, 'dialled');
      assert.equal(far.connection.direction, 'accepted');
      assert.notEqual(near.connection.remote, '');
      assert.notEqual(far.connection.remote, '');
    },
  },
  {
    title: 'delivers 2,000 frames in order, both ways at once',
    check: async ({ started }) => {
      const { near, far } = await started();
      for (let i = 0; i < 2_000; i += 1) {
        near.connection.send(pattern(i % 50, i));
        far.connection.send(pattern(i % 40, i + 1));
      }
      await far.until(() => far.frames.length === 2_000);
      await near.until(() => near.frames.length === 2_000);
      for (const [i, frame] of far.frames.entries()) assertBytes(frame, pattern(i % 50, i));
      for (const [i, frame] of near.frames.entries()) assertBytes(frame, pattern(i % 40, i + 1));
    },
  },
  {
    title: 'keeps the bytes of every size from 0 to maxFrameBytes, both ways, alone and in a burst',
    check: async ({ started }) => {
      const { near, far } = await started(smallLimits);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        for (const [i, size] of SIZES.entries()) {
          from.connection.send(pattern(size, size));
          await to.until(() => to.frames.length === i + 1);
        }
        for (const size of SIZES) from.connection.send(pattern(size, size));
        await to.until(() => to.frames.length === 2 * SIZES.length);
        for (const [i, frame] of to.frames.entries()) {
          const size = SIZES[i % SIZES.length] as number;
          assertBytes(frame, pattern(size, size));
        }
      }
    },
  },
  {
    title: 'hands out plain Uint8Arrays that belong to the receiver',
    check: async ({ started }) => {
      const { near, far } = await started();
      const frame = pattern(100, 1);
      near.connection.send(frame);
      await far.until(() => far.frames.length === 1);
      far.frames[0]?.fill(0);
      assert.equal(Object.getPrototypeOf(far.frames[0]), Uint8Array.prototype);
      assertBytes(frame, pattern(100, 1));
    },
  },
  {
    title: 'delivers what arrived before start, first and in order',
    check: async ({ linked }) => {
      const { near, far } = await linked();
      near.start();
      for (let i = 0; i < 10; i += 1) near.connection.send(pattern(10, i));
      await settle();
      far.start();
      near.connection.send(pattern(10, 10));
      await far.until(() => far.frames.length === 11);
      for (const [i, frame] of far.frames.entries()) assertBytes(frame, pattern(10, i));
    },
  },
  {
    title: 'throws LIMIT_EXCEEDED for a frame above maxFrameBytes and goes on',
    check: async ({ started }) => {
      const { near, far } = await started(smallLimits);
      assert.throws(() => near.connection.send(new Uint8Array(65_537)), { code: 'LIMIT_EXCEEDED' });
      near.connection.send(pattern(5, 1));
      await far.until(() => far.frames.length === 1);
      assert.equal(far.closing, undefined);
    },
  },
  {
    title: 'refuses a frame above the limit of the receiver, and ends only that connection',
    check: async ({ started }) => {
      const { near, far } = await started({ ...smallLimits, maxFrameBytes: 65_537 }, smallLimits);
      near.connection.send(new Uint8Array(65_537));
      assert.equal((await far.closed()).kind, 'refused');
      assert.equal((await near.closed()).kind, 'refused');
      assert.equal(far.frames.length, 0);
    },
  },
];
