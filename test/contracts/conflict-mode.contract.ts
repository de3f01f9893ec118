import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  ConflictMode,
  NetEffect,
  RunChanges,
  RunEffects,
  TableDocument,
} from '../../src/modes/conflict-mode.ts';
import { conflictModeSuite } from '../../src/testing/index.ts';

/** The suite that users get as `conflictModeSuite`, and beside it the laws of modes with documents. */
export function conflictModeContract(mode: ConflictMode): void {
  describe(`conflict mode contract: ${mode.name}`, () => {
    it.each(conflictModeSuite(mode).map(({ title, run }) => [title, run] as const))('%s', (_title, run) =>
      run(),
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
      author.document.folding.check(next.effects, next.carried);
      author.document.folding.apply(next.effects, next.carried);
      heard[me]![from]! += 1;
    } else {
      const effects = someEffects(author, step, pick);
      author.runs.push({ effects, carried: author.document.writing.write(effects) });
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
      for (let times = 1 + pick(2); times > 0; times--) document.folding.apply(next.effects, next.carried);
    }
  }
  const copy = make();
  copy.content.merge([...late.document.content.chunks()], false);
  const ends = [...documents, late, { document: copy }].map(({ document }) => ({
    heads: document.history.heads,
    values: KEYS.map((key) => document.reading.values(key).map(({ cell }) => cell)),
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
  document?.switching.begin(
    ['x', 'w'].map((text) => ({ text, cell: 7, origin: 'a@1', sequence: 1, stamp: 1 })),
  );
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
    const counts =
      typeof document.reading.standing(key)?.cell === 'number' ||
      document.reading.standing(key) === undefined;
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
