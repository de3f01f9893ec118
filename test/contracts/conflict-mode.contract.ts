import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConflictMode, Version } from '../../src/modes/conflict-mode.ts';

/** Versions with many equal members, because ties are where orders go wrong. */
const version: fc.Arbitrary<Version> = fc
  .tuple(
    fc.nat({ max: 3 }),
    fc.constantFrom('a@1', 'a@2', 'b@1', 'node-10@zz'),
    fc.integer({ min: 1, max: 3 }),
  )
  .map(([stamp, origin, sequence]) => Object.freeze({ stamp, origin, sequence }));

/** What stands after versions arrived in an order. */
function standing(mode: ConflictMode, arrivals: readonly Version[]): Version | undefined {
  let present: Version | undefined;
  for (const incoming of arrivals)
    if (present === undefined || mode.supersedes(incoming, present)) present = incoming;
  return present;
}

/** The laws of the conflict-mode port. */
export function conflictModeContract(mode: ConflictMode): void {
  describe(`conflict mode contract: ${mode.name}`, () => {
    it('answers the same question always alike, and changes nothing it is given', () => {
      fc.assert(
        fc.property(version, version, (one, other) => {
          const answer = mode.supersedes(one, other);
          expect(typeof answer).toBe('boolean');
          expect(mode.supersedes({ ...one }, { ...other })).toBe(answer);
        }),
      );
    });

    it.runIf(!mode.comparesVersions)(
      'lets whatever arrives take effect, if it says that versions do not decide',
      () => {
        fc.assert(
          fc.property(version, version, (one, other) => {
            expect(mode.supersedes(one, other)).toBe(true);
          }),
        );
        expect(mode.convergent).toBe(false);
      },
    );

    it.runIf(mode.comparesVersions)('orders different versions, one before the other', () => {
      fc.assert(
        fc.property(version, version, version, (one, two, three) => {
          const same = JSON.stringify(one) === JSON.stringify(two);
          expect(Number(mode.supersedes(one, two)) + Number(mode.supersedes(two, one))).toBe(same ? 0 : 1);
          if (mode.supersedes(one, two) && mode.supersedes(two, three))
            expect(mode.supersedes(one, three)).toBe(true);
        }),
      );
    });

    it.runIf(mode.comparesVersions)('lets the later of one author stand', () => {
      fc.assert(
        fc.property(version, (one) => {
          expect(mode.supersedes({ ...one, sequence: one.sequence + 1 }, one)).toBe(true);
          expect(mode.supersedes({ ...one, stamp: one.stamp + 1, sequence: one.sequence + 1 }, one)).toBe(
            true,
          );
        }),
      );
    });

    it.runIf(mode.convergent)(
      'ends alike whatever the order of arrival, and however often one arrives',
      () => {
        const two = fc
          .array(version, { minLength: 1, maxLength: 6 })
          .chain((all) =>
            fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
          );
        fc.assert(
          fc.property(two, ([arrivals, again]) => {
            expect(standing(mode, again)).toEqual(standing(mode, arrivals));
          }),
        );
      },
    );
  });
}
