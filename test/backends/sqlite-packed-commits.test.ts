import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Commit } from '../../src/log/backend.ts';
import { fromMessage, packCommits, toMessage } from '../../src/backends/sqlite/packed-commits.ts';

const segment = fc.record({
  position: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 1000 }),
  span: fc.integer({ min: 1, max: 1000 }),
  bytes: fc.uint8Array({ maxLength: 40 }),
});
const facts = fc
  .array(fc.tuple(fc.string(), fc.option(fc.uint8Array({ maxLength: 9 }), { nil: undefined })))
  .map((entries) => new Map(entries));
const commit: fc.Arbitrary<Commit> = fc.record(
  { segments: fc.array(segment, { maxLength: 4 }), facts },
  { requiredKeys: ['segments'] },
);

it('commits come out of a message as they went in, whatever they hold, and share no bytes with it', () => {
  fc.assert(
    fc.property(fc.array(commit, { maxLength: 5 }), fc.nat(), (commits, generation) => {
      const { message, buffer } = toMessage(packCommits(commits, generation));
      const arrived = fromMessage(structuredClone(message, { transfer: [buffer] }));
      expect(arrived).toMatchObject({ kind: 'commits', generation, count: commits.length });
      const segments = commits.flatMap((one) => one.segments);
      expect(arrived.places.length).toBe(segments.length * 3);
      let start = 0;
      for (const [index, one] of segments.entries()) {
        const [position, span, end = 0] = arrived.places.subarray(index * 3);
        expect([position, span]).toEqual([one.position, one.span]);
        expect(arrived.bytes.subarray(start, end)).toEqual(one.bytes);
        start = end;
      }
      expect(arrived.bytes.length).toBe(start);
      const given = commits.flatMap((one) => (one.facts === undefined ? [] : [one.facts]));
      expect(arrived.facts).toEqual(given);
    }),
    { interruptAfterTimeLimit: 4000 },
  );
});
