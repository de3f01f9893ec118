import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../src/index.ts';
import { DELETE } from '../../src/log/operations/operation.ts';
import { type DecodedRun, decodeRun } from '../../src/log/runs/run.ts';
import { RunWriter } from '../../src/log/runs/run-writer.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import { type Schema, compileSchema } from '../../src/schema/index.ts';

const ORIGINS = ['a@1', 'b@1'] as const;

/** One run: who wrote it, which keys, whether the first is removed, and whether each operation has a time of its own. */
interface Planned {
  readonly author: number;
  readonly keys: readonly number[];
  readonly removes: boolean;
  readonly slow: boolean;
}

const plan = fc.array(
  fc.record({
    author: fc.nat(1),
    keys: fc.array(fc.nat(6), { minLength: 1, maxLength: 12 }),
    removes: fc.boolean(),
    slow: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

/** The runs two authors write so, each with a dictionary of its own chapter. */
function runsOf(schema: Schema, planned: readonly Planned[]): DecodedRun[] {
  const next = ORIGINS.map(() => 1);
  let value = 0;
  return planned.map(({ author, keys, removes, slow }, chapter) => {
    const writer = new RunWriter(schema.column);
    writer.begin(next[author] as number, { chapter, keys: 0, origins: 0 }, []);
    const ids = new Map<number, number>();
    for (const key of keys) {
      if (ids.has(key)) continue;
      ids.set(key, ids.size);
      writer.addKey(`k${key}`);
    }
    for (const [index, key] of keys.entries()) {
      const stamp = 1024 * (slow ? index + 1 : 1);
      const id = ids.get(key) as number;
      if (removes && index === 0) writer.addRemoval(DELETE, id, stamp);
      else writer.addSet(id, schema.isSet ? undefined : value++ / 2, stamp);
    }
    next[author] = (next[author] as number) + keys.length;
    return decodeRun(writer.encode('t', ORIGINS[author] as string, 1), schema.column);
  });
}

/** What subscribers are told of the runs and what the table then holds; with somebody listening to conflicts, the long way. */
function told(schema: Schema, runs: readonly DecodedRun[], how: { long: boolean; row?: number }): unknown {
  const { projection, origins } = scratchProjection(schema, modeNamed);
  const { rows, reporter } = projection;
  if (how.row !== undefined) {
    // As a checkpoint that was ahead of its vector leaves it.
    const dot = { origin: origins.intern(ORIGINS[0]), sequence: how.row, stamp: 5 };
    rows.put(rows.slotOf('k1'), schema.isSet ? undefined : 77, dot);
  }
  const heard: unknown[] = [];
  const tell = ({ kind, key, value, previous, origin, operation }: Change): void =>
    void heard.push({ kind, key, value, previous, origin, operation });
  reporter.changes.observable.subscribe(tell);
  if (how.long) reporter.conflicts.observable.subscribe();
  let position = 1;
  for (const run of runs) {
    projection.fold.check(run, true);
    projection.fold.apply(run, 0, { position, live: true });
    position += run.count;
  }
  const content = Array.from(rows.live(), (slot) => [rows.key(slot), rows.value(slot), rows.dot(slot)]);
  return { heard, content, size: rows.size };
}

describe('runs of others', () => {
  it.each([
    ['a table of doubles', { key: 'string', value: 'double' }],
    ['a set', { key: 'string' }],
  ] as const)('applied column by column to %s tell what they tell one by one', (_, declaration) => {
    const schema = compileSchema('t', declaration);
    fc.assert(
      fc.property(plan, fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }), (planned, row) => {
        const runs = runsOf(schema, planned);
        const ahead = row === undefined ? {} : { row };
        expect(told(schema, runs, { long: false, ...ahead })).toEqual(
          told(schema, runs, { long: true, ...ahead }),
        );
      }),
      { numRuns: 150, interruptAfterTimeLimit: 4000 },
    );
  });
});
