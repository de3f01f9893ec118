import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  ConflictMode,
  NetEffect,
  RunChanges,
  RunEffects,
  TableDocument,
  Version,
} from '../../src/modes/conflict-mode.ts';

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
        // Without versions only a document can make replicas agree.
        expect(mode.convergent).toBe(mode.documents !== undefined);
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

    it.runIf(mode.convergent && mode.comparesVersions)(
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

    it.runIf(mode.documents !== undefined)(
      'ends with equal documents whatever the order of arrival, and however often one arrives',
      () => {
        fc.assert(
          fc.property(fc.infiniteStream(fc.nat()), (random) => checkDocuments(mode, random)),
          {
            numRuns: 60,
            interruptAfterTimeLimit: 5000,
          },
        );
      },
    );
  });
}

interface Told {
  readonly effects: RunEffects;
  readonly carried: RunChanges;
}

/** Three authors write and hear of each other at random; in the end everybody hears everything, in another order, some of it twice. */
function checkDocuments(mode: ConflictMode, random: Iterator<number>): void {
  const pick = (count: number): number => (random.next().value as number) % count;
  const make = (): TableDocument => documentOf(mode, 1);
  const documents = ['a@1', 'b@1', 'c@1'].map((origin) => ({ origin, document: make(), runs: [] as Told[] }));
  const heard = documents.map(() => [0, 0, 0]);
  for (let step = 0; step < 24; step++) {
    const me = pick(3);
    const from = pick(3);
    const author = documents[me]!;
    const next = documents[from]!.runs[heard[me]![from]!];
    if (from !== me && next !== undefined && pick(2) === 0) {
      author.document.check(next.effects, next.carried);
      author.document.apply(next.effects, next.carried);
      heard[me]![from]! += 1;
    } else {
      const effects = someEffects(author, step, pick);
      author.runs.push({ effects, carried: author.document.write(effects) });
    }
  }
  const late = { document: make() };
  for (const [me, { document }] of [...documents, late].entries()) {
    const missing = documents.map(({ runs }, from) =>
      runs.slice(from === me ? Infinity : (heard[me]?.[from] ?? 0)),
    );
    while (missing.some((list) => list.length > 0)) {
      const list = missing[pick(3)]!;
      const next = list.shift();
      if (next === undefined) continue;
      for (let times = 1 + pick(2); times > 0; times--) document.apply(next.effects, next.carried);
    }
  }
  const copy = make();
  copy.merge([...late.document.chunks()], false);
  const ends = [...documents, late, { document: copy }].map(({ document }) => ({
    heads: document.heads,
    values: KEYS.map((key) => document.values(key).map(({ cell }) => cell)),
  }));
  for (const end of ends) expect(end).toEqual(ends[0]);
}

const KEYS = ['x', 'y', 'z'];

function documentOf(mode: ConflictMode, counter: number): TableDocument {
  const document = mode.documents?.({
    table: 't',
    column: 'integer',
    unsigned: false,
    start: 0,
    epoch: { counter, origin: 'a@1' },
    checkKey: () => undefined,
    checkCell: () => undefined,
    checkOrigin: () => undefined,
  });
  document?.begin(['x', 'w'].map((text) => ({ text, cell: 7, origin: 'a@1', sequence: 1, stamp: 1 })));
  return document as TableDocument;
}

function someEffects(
  { origin, runs, document }: { origin: string; runs: readonly Told[]; document: TableDocument },
  step: number,
  pick: (count: number) => number,
): RunEffects {
  const firstSequence = runs.length * 10 + 1;
  const at = { sequence: firstSequence + 1, stamp: step };
  const keys = new Map<string, NetEffect>();
  for (const key of KEYS.slice(pick(3))) {
    const kind = (['put', 'add', 'add', 'delete'] as const)[pick(4)] as NetEffect['kind'];
    const counts = typeof document.standing(key)?.cell === 'number' || document.standing(key) === undefined;
    if (kind === 'add' && !counts) continue;
    keys.set(key, {
      kind,
      cell: kind === 'put' ? step : undefined,
      by: kind === 'add' ? 1 + pick(5) : 0,
      ...at,
    });
  }
  return { origin, firstSequence, firstStamp: step, cleared: pick(8) === 0, keys };
}
