import { describe, expect, it } from 'vitest';
import { isTablecastError } from '../../src/errors.ts';
import { VersionVector } from '../../src/log/operations/version-vector.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import { decodeCheckpoint } from '../../src/projection/checkpoints/checkpoint-reader.ts';
import { checkpointChunks } from '../../src/projection/checkpoints/checkpoint-writer.ts';
import { MAX_OVERTAKING_REMOVALS } from '../../src/projection/checkpoints/overtaken-header.ts';
import { MAX_OVERTAKINGS, Overtakings } from '../../src/projection/held/overtakings.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import { compileSchema } from '../../src/schema/index.ts';

const [ALICE, BOB] = [1, 2];

function overtakingsOf(held = new VersionVector()): {
  overtakings: Overtakings;
  contexts: Map<number, VersionVector>;
} {
  const contexts = new Map<number, VersionVector>();
  const lives = { isForgotten: () => false };
  const overtakings = new Overtakings({ held, contexts, documents: undefined, lives, writes: () => false });
  return { overtakings, contexts };
}

describe('what is still to come', () => {
  it('was seen by its author’s successors from the operation on that says so, and by those before it not', () => {
    const { overtakings } = overtakingsOf();
    overtakings.note({ by: BOB, from: 5, origin: ALICE, through: 3 });
    overtakings.note({ by: BOB, from: 9, origin: ALICE, through: 7 });
    const seen = (sequence: number, late: number): boolean =>
      overtakings.hasSeen({ origin: BOB, sequence }, { origin: ALICE, sequence: late });
    expect([seen(4, 3), seen(5, 3), seen(5, 4), seen(8, 7), seen(9, 7), seen(9, 8)]).toEqual([
      false,
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  it('is not believed to be seen by what its own author had seen', () => {
    const { overtakings, contexts } = overtakingsOf();
    overtakings.note({ by: BOB, from: 5, origin: ALICE, through: 1_000_000 });
    const context = new VersionVector();
    context.advance(BOB, 5);
    contexts.set(ALICE, context);
    const late = { origin: ALICE, sequence: 3 };
    expect(overtakings.hasSeen({ origin: BOB, sequence: 5 }, late)).toBe(false);
    expect(overtakings.hasSeen({ origin: BOB, sequence: 6 }, late)).toBe(true);
  });

  it('is forgotten when it has come', () => {
    const held = new VersionVector();
    const { overtakings } = overtakingsOf(held);
    overtakings.note({ by: BOB, from: 5, origin: ALICE, through: 3 });
    overtakings.note({ by: BOB, from: 9, origin: ALICE, through: 7 });
    held.advance(ALICE, 3);
    overtakings.arrived(ALICE);
    expect([...overtakings.all()]).toEqual([{ by: BOB, from: 9, origin: ALICE, through: 7 }]);
    held.advance(ALICE, 7);
    overtakings.arrived(ALICE);
    expect([overtakings.size, overtakings.concerns(ALICE)]).toEqual([0, false]);
    expect(overtakings.note({ by: BOB, from: 20, origin: ALICE, through: 7 })).toBe(false);
  });

  it(`is remembered ${MAX_OVERTAKINGS} times, and beyond it the first pair of authors is forgotten`, () => {
    const { overtakings } = overtakingsOf();
    for (let other = 0; other < MAX_OVERTAKINGS; other++)
      overtakings.note({ by: BOB, from: 1, origin: 10 + other, through: 1 });
    expect([overtakings.size, overtakings.concerns(10)]).toEqual([MAX_OVERTAKINGS, true]);
    overtakings.note({ by: BOB, from: 1, origin: ALICE, through: 1 });
    expect([overtakings.size, overtakings.concerns(10)]).toEqual([MAX_OVERTAKINGS, false]);
    expect([overtakings.concerns(11), overtakings.concerns(ALICE)]).toEqual([true, true]);
  });
});

describe('a checkpoint that says what is still to come', () => {
  const schema = compileSchema('t', { key: 'string', value: 'count' });
  const entry = ['bob@1', 1, 'alice@1', 1];
  const removal = (index: number): unknown => [`k${index}`, 'bob@1', 1, 0];

  function read(said: Record<string, unknown>): 'taken' | 'refused' {
    const { projection, origins } = scratchProjection(schema, modeNamed);
    const [header] = checkpointChunks(projection, origins);
    const text = JSON.stringify({ ...JSON.parse(new TextDecoder().decode(header)), ...said });
    try {
      decodeCheckpoint([new TextEncoder().encode(text)], schema, false);
      return 'taken';
    } catch (error) {
      if (isTablecastError(error, 'OPERATION_INVALID')) return 'refused';
      throw error;
    }
  }

  it('may name so many, and one more is refused', () => {
    const seen = Array.from({ length: MAX_OVERTAKINGS }, () => entry);
    expect([read({ overtaken: seen }), read({ overtaken: [...seen, entry] })]).toEqual(['taken', 'refused']);
    const removed = Array.from({ length: MAX_OVERTAKING_REMOVALS }, (_, index) => removal(index));
    expect([
      read({ overtakingRemovals: removed }),
      read({ overtakingRemovals: [...removed, removal(-1)] }),
    ]).toEqual(['taken', 'refused']);
  });

  it.each([
    [{ overtaken: null }],
    [{ overtaken: {} }],
    [{ overtaken: [entry.slice(1)] }],
    [{ overtaken: [['bob@1', 0, 'alice@1', 1]] }],
    [{ overtaken: [['bob', 1, 'alice@1', 1]] }],
    [{ overtaken: [['bob@1', 1, 'alice', 1]] }],
    [{ overtakingClear: ['bob@1', 1] }],
    [{ overtakingClear: ['bob', 1, 0] }],
    [{ overtakingRemovals: [['k', 'bob', 1, 0]] }],
    [{ overtakingRemovals: [[7, 'bob@1', 1, 0]] }],
    [{ overtakingRemovals: [['k', 'bob@1', 1, -1]] }],
  ])('is refused when it says it wrongly: %j', (said) => {
    expect(read(said)).toBe('refused');
  });
});
