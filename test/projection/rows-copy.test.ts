import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Rows } from '../../src/projection/rows/rows.ts';
import { allAtOnce } from '../../src/work/slices.ts';
import { compileSchema } from '../../src/schema/index.ts';

const write = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  value: fc.option(fc.nat(3), { nil: undefined }),
  /** A counter may change under the write that stands. */
  keepsDot: fc.boolean(),
});

test.each(['double', 'count', 'string'] as const)(
  'a fork of rows with values of type %s that is settled is what they are, in their order, and stays so',
  (value) => {
    const schema = compileSchema('t', { key: 'string', value });
    const run = (before: readonly Write[], meanwhile: readonly Write[]): void => {
      const rows = new Rows(schema);
      let sequence = 0;
      const apply = ({ key, value: given, keepsDot }: Write): void => {
        const slot = rows.slotOf(key);
        const cell = value === 'string' ? `v${given}` : given;
        const standing = keepsDot && rows.has(slot);
        const dot = standing ? rows.dot(slot) : { origin: 0, sequence: ++sequence, stamp: sequence };
        if (given === undefined) rows.remove(slot, dot);
        else rows.put(slot, cell, dot);
      };
      const shown = (of: Rows): unknown =>
        Array.from(of.live(), (slot) => [rows.key(slot), of.value(slot), of.dot(slot)]);
      before.forEach(apply);
      const { rows: copy, fork } = allAtOnce(rows.fork());
      meanwhile.forEach(apply);
      fork.settle();
      const expected = shown(rows);
      expect(shown(copy)).toEqual(expected);
      expect(copy.size).toBe(rows.size);
      before.forEach(apply);
      expect(shown(copy)).toEqual(expected);
    };
    const writes = fc.array(write, { maxLength: 12 });
    fc.assert(fc.property(writes, writes, run), { numRuns: 300, seed: 79 });
  },
);

type Write = { readonly key: string; readonly value: number | undefined; readonly keepsDot: boolean };
