import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlotQueue } from '../../src/projection/rows/slot-queue.ts';

describe('slots that wait', () => {
  it('come out in the order of their buckets’ making and of their coming, each once, wherever they were moved', () => {
    const step = fc.oneof(
      fc.record({ slot: fc.nat(200), bucket: fc.integer({ min: -3, max: 6 }) }),
      fc.record({ slot: fc.nat(200) }),
      fc.record({ upTo: fc.integer({ min: -3, max: 6 }), most: fc.integer({ min: 1, max: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const queue = new SlotQueue();
        const model = new Map<number, number>();
        for (const each of steps) {
          if ('upTo' in each) {
            const taken = queue.takeUpTo(each.upTo, each.most);
            const due = [...model].filter(([, bucket]) => bucket <= each.upTo);
            expect(taken.length).toBe(Math.min(each.most, due.length));
            for (const slot of taken) {
              expect(model.get(slot)).toBeLessThanOrEqual(each.upTo);
              model.delete(slot);
            }
          } else if ('bucket' in each) {
            queue.put(each.slot, each.bucket);
            model.set(each.slot, each.bucket);
          } else {
            queue.take(each.slot);
            model.delete(each.slot);
          }
          expect(queue.empty).toBe(model.size === 0);
        }
        for (let slot = 0; slot <= 200; slot++) expect(queue.bucketOf(slot)).toBe(model.get(slot) ?? NaN);
      }),
    );
  });

  it('keep their order, and their buckets, when slots are numbered anew', () => {
    const queue = new SlotQueue();
    for (const slot of [5, 3, 9, 7]) queue.put(slot, 1);
    queue.put(4, 2);
    const renumbered = new Int32Array(10).fill(-1);
    for (const [moved, slot] of [3, 4, 5, 9].entries()) renumbered[slot] = moved;
    queue.renumber(renumbered);
    expect(queue.takeUpTo(1, 9)).toEqual([2, 0, 3]);
    expect([queue.bucketOf(1), queue.empty]).toEqual([2, false]);
  });
});
