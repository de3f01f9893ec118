import assert from 'node:assert/strict';
import type { ConflictMode, Version } from '../modes/conflict-mode.ts';
import type { ContractCase } from './suite.ts';

/** Every version of few stamps, origins and sequences: ties are where orders go wrong. */
const VERSIONS: readonly Readonly<Version>[] = [0, 1, 2, 3].flatMap((stamp) =>
  ['a@1', 'a@2', 'b@1', 'node-10@zz'].flatMap((origin) =>
    [1, 2, 3].map((sequence) => Object.freeze({ stamp, origin, sequence })),
  ),
);

/** A rule is the part of the conflict-mode port that {@link conflictModeSuite} holds; its name may be any. */
export type ConflictRule = Omit<ConflictMode, 'name' | 'unavailable'>;

/**
 * Returns the laws of the conflict-mode port, each over all versions of four stamps, four origins and three
 * sequences. The port of documents is not part of it: it is not kept from release to release.
 */
export function conflictModeSuite(mode: ConflictRule): readonly ContractCase[] {
  const laws = mode.comparesVersions ? comparingLaws(mode) : indifferentLaws(mode);
  return [steadiness(mode), ...laws].map(({ title, check }) => ({ title, run: async () => check() }));
}

interface Law {
  readonly title: string;
  readonly check: () => void;
}

function steadiness(mode: ConflictRule): Law {
  return {
    title: 'answers the same question always alike, and changes nothing it is given',
    check: () => {
      for (const one of VERSIONS)
        for (const other of VERSIONS) {
          const answer = mode.supersedes(one, other);
          assert.equal(typeof answer, 'boolean');
          assert.equal(mode.supersedes({ ...one }, { ...other }), answer);
        }
    },
  };
}

function indifferentLaws(mode: ConflictRule): Law[] {
  return [
    {
      title: 'lets whatever arrives take effect, if it says that versions do not decide',
      check: () => {
        for (const one of VERSIONS)
          for (const other of VERSIONS) assert.equal(mode.supersedes(one, other), true);
        // Without versions only a document can make replicas agree.
        assert.equal(mode.convergent, mode.documents !== undefined);
      },
    },
  ];
}

function comparingLaws(mode: ConflictRule): Law[] {
  return [
    { title: 'orders different versions, one before the other', check: () => checkOrder(mode) },
    {
      title: 'lets the later of one author stand',
      check: () => {
        for (const one of VERSIONS) {
          const next = { ...one, sequence: one.sequence + 1 };
          assert.equal(mode.supersedes(next, one), true);
          assert.equal(mode.supersedes({ ...next, stamp: one.stamp + 1 }, one), true);
        }
      },
    },
    ...(mode.convergent
      ? [
          {
            title: 'ends alike whatever the order of arrival, and however often one arrives',
            check: () => checkArrivals(mode),
          },
        ]
      : []),
  ];
}

function checkOrder(mode: ConflictRule): void {
  for (const [i, one] of VERSIONS.entries())
    for (const [j, two] of VERSIONS.entries()) {
      const wins = Number(mode.supersedes(one, two)) + Number(mode.supersedes(two, one));
      assert.equal(wins, i === j ? 0 : 1, `${describe(one)} and ${describe(two)}`);
      if (!mode.supersedes(one, two)) continue;
      for (const three of VERSIONS)
        if (mode.supersedes(two, three))
          assert.ok(mode.supersedes(one, three), `${describe(one)}, ${describe(two)}, ${describe(three)}`);
    }
}

/** Three versions in each order, with one of them arriving again at the end. */
function checkArrivals(mode: ConflictRule): void {
  const some = VERSIONS.filter((_, index) => index % 3 === 1 || index % 7 === 0);
  for (const one of some)
    for (const two of some)
      for (const three of some) {
        const expected = standing(mode, [one, two, three]);
        for (const again of [one, two, three])
          for (const order of [
            [one, three, two],
            [two, one, three],
            [two, three, one],
            [three, one, two],
            [three, two, one],
          ])
            assert.deepEqual(standing(mode, [...order, again]), expected);
      }
}

/** Returns what stands after versions arrived in an order. */
function standing(mode: ConflictRule, arrivals: readonly Version[]): Version | undefined {
  let present: Version | undefined;
  for (const incoming of arrivals)
    if (present === undefined || mode.supersedes(incoming, present)) present = incoming;
  return present;
}

const describe = ({ stamp, origin, sequence }: Version): string => `${stamp} ${origin} ${sequence}`;
