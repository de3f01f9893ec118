import { beforeEach, describe, expect, it } from 'vitest';
import { Origins } from '../../src/log/operations/origin.ts';
import { VersionVector } from '../../src/log/operations/version-vector.ts';
import { lwwMode } from '../../src/modes/lww.ts';
import { Rows } from '../../src/projection/rows/rows.ts';
import { markRemembered } from '../../src/projection/rows/tombstones.ts';
import { Versions } from '../../src/projection/rows/versions.ts';
import { Overtakings } from '../../src/projection/held/overtakings.ts';
import { compileSchema } from '../../src/schema/index.ts';

const HOUR = 3_600_000 * 1024;

describe('removals of a convergent table', () => {
  const origins = new Origins();
  const [own, one, two] = ['own@1', 'one@1', 'two@1'].map((text) => origins.intern(text)) as [
    number,
    number,
    number,
  ];
  let rows: Rows;
  let versions: Versions;
  let held: VersionVector;
  let contexts: Map<number, VersionVector>;
  let slot: number;

  beforeEach(() => {
    rows = new Rows(compileSchema('t', { key: 'string', value: 'count', mode: 'lww' }));
    versions = new Versions(lwwMode, rows, {
      origins,
      overtakings: new Overtakings({
        held: new VersionVector(),
        contexts: new Map(),
        documents: undefined,
        lives: { isForgotten: () => false },
        writes: () => false,
      }),
    });
    held = new VersionVector();
    for (const origin of [own, one, two]) held.advance(origin, 10);
    contexts = new Map([own, one, two].map((origin) => [origin, new VersionVector()]));
    slot = rows.slotOf('k');
    rows.remove(slot, { origin: one, sequence: 5, stamp: 1000 });
  });

  const remembered = (now: number): boolean => {
    const marked = new Uint8Array(rows.slots);
    markRemembered(
      {
        rows,
        versions,
        held: { sequences: held, contexts },
        authors: { writes: (origin) => origin === own },
      },
      marked,
      now,
    );
    return marked[slot] === 1;
  };

  it('are remembered while an origin may not have seen them', () => {
    expect(remembered(1000 + 2 * HOUR)).toBe(true);
    contexts.get(two)?.advance(one, 4);
    expect(remembered(1000 + 2 * HOUR)).toBe(true);
  });

  it('are forgotten once every origin has seen them, and they are an hour old', () => {
    contexts.get(two)?.advance(one, 5);
    expect(remembered(1000 + HOUR / 2)).toBe(true);
    expect(remembered(1000 + 2 * HOUR)).toBe(false);
  });

  it('are forgotten at once when a later clear beats what they beat', () => {
    versions.noteCleared({ origin: two, sequence: 11, stamp: 2000 });
    expect(remembered(3000)).toBe(false);
  });

  it('are forgotten after seven days, whoever has not been heard of', () => {
    expect(remembered(1000 + 169 * HOUR)).toBe(false);
    expect(remembered(1000 + 167 * HOUR)).toBe(true);
  });
});
