import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ordered, orderOf } from '../../src/views/ordered.ts';
import { compareKeys } from '../../src/views/order.ts';
import type { Entry } from '../../src/views/rows-of-views.ts';
import { SortedBlocks } from '../../src/views/sorted-blocks.ts';

const ASCENDING = {
  leading: (item: number) => item,
  isDescending: false,
  compare: (one: number, other: number) => one - other,
};

describe('sorted blocks', () => {
  it('hold what a sorted array holds, over splits and joins', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 40 }),
        fc.nat(),
        (removed, turn) => {
          const blocks = new SortedBlocks<number>(ASCENDING);
          let model = Array.from({ length: 2500 }, (_, index) => (index * 7919 + turn) % 3001);
          for (const each of model) blocks.add(each);
          for (const from of removed) {
            const gone = new Set(Array.from({ length: 60 }, (_, step) => from + step));
            for (const each of model) if (gone.has(each)) blocks.delete(each);
            model = model.filter((each) => !gone.has(each));
          }
          for (const each of removed) blocks.add(each);
          model = [...model, ...removed].toSorted((one, other) => one - other);
          expect([...blocks.head(Infinity)]).toEqual(model);
          expect([blocks.size, blocks.first, blocks.last]).toEqual([model.length, model[0], model.at(-1)]);
          for (const index of [0, 1, 255, 256, 700, model.length - 1, model.length])
            expect(blocks.at(index)).toBe(model[index]);
          expect(blocks.exchange(-1)).toBe(false);
        },
      ),
      { seed: 7, numRuns: 25 },
    );
  });

  it('are empty when everything went, and take more', () => {
    const blocks = new SortedBlocks<number>(ASCENDING);
    blocks.replace([2, 1]);
    for (const each of [1, 2, 3]) blocks.delete(each);
    expect([blocks.size, blocks.first, [...blocks.head(9)]]).toEqual([0, undefined, []]);
    blocks.add(5);
    expect([...blocks.head(9)]).toEqual([5]);
  });
});

describe('an order', () => {
  it('goes over all kinds of values, and is one', () => {
    const sorted = [
      false,
      true,
      -Infinity,
      -1n,
      0,
      1,
      1.5,
      2n,
      2n ** 70n,
      Infinity,
      NaN,
      '',
      'a',
      'b',
      undefined,
    ];
    expect(sorted.toReversed().toSorted(compareKeys)).toEqual(sorted);
    for (const one of sorted)
      for (const other of sorted)
        expect(Math.sign(compareKeys(one, other))).toBe(-Math.sign(compareKeys(other, one)) + 0);
    expect([compareKeys(1, 1n), compareKeys(NaN, NaN), compareKeys(null, undefined)]).toEqual([0, 0, 0]);
  });
});

describe('an ordered window', () => {
  it('shows the first of all rows after every step, and tells each that enters or leaves', () => {
    const step = fc.tuple(fc.nat({ max: 12 }), fc.option(fc.nat({ max: 4 }), { nil: undefined }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (steps, limit) => {
        const shown = new Set<Entry>();
        const window = new Ordered(orderOf([true]), limit, (before, after) => {
          if (before !== undefined) expect(shown.delete(before)).toBe(true);
          if (after !== undefined) shown.add(after);
        });
        window.flush();
        const model = new Map<number, Entry>();
        for (const [id, value] of steps) {
          const after: Entry | undefined =
            value === undefined
              ? undefined
              : { id, row: { key: id, value }, order: [value, id], group: undefined, inputs: [] };
          window.replace(window.find(id), after);
          if (after === undefined) model.delete(id);
          else model.set(id, after);
          const all = [...model.values()].toSorted(orderOf([true]).compare);
          expect(window.rows()).toEqual(all.slice(0, limit).map(({ row }) => row));
          expect([...shown].toSorted(orderOf([true]).compare)).toEqual(all.slice(0, limit));
          for (const [index, entry] of all.entries())
            expect(window.shown(entry.id) !== undefined).toBe(index < limit);
          expect(window.size).toBe(Math.min(limit, all.length));
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});
