import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SlotOrder, type SlotWalk } from '../../src/projection/rows/slot-order.ts';

/** A SlotOrder and a Map, from a name per slot to its present number, to which the same happens. */
class Pair {
  order = new SlotOrder();
  readonly map = new Map<number, number>();
  readonly walks: [SlotWalk, Iterator<number>][] = [];
  #names = 0;

  add(): void {
    const slot = this.map.size;
    this.map.set(this.#names++, slot);
    this.order = this.order.add(slot);
  }

  toEnd(slot: number): void {
    const [name] = [...this.map].find(([, number]) => number === slot) as [number, number];
    this.map.delete(name);
    this.map.set(name, slot);
    this.order = this.order.toEnd(slot);
  }

  forget(goes: (slot: number) => boolean): void {
    let next = 0;
    const renumbered = Int32Array.from({ length: this.map.size }, (_, slot) => (goes(slot) ? -1 : next++));
    for (const [name, slot] of this.map) {
      const moved = renumbered[slot] as number;
      if (moved < 0) this.map.delete(name);
      else this.map.set(name, moved);
    }
    this.order = this.order.renumber(renumbered);
  }

  begin(): void {
    this.walks.push([{ order: this.order, at: 0, isOver: false }, this.map.values()]);
  }
}

function expectSameStep({ walks }: Pair, which: number): void {
  const walk = walks[which % walks.length];
  if (walk !== undefined) expect(SlotOrder.step(walk[0])).toBe(walk[1].next().value ?? -1);
}

function expectSameOrder({ order, map }: Pair): void {
  const walk = { order, at: 0, isOver: false };
  const slots: number[] = [];
  for (let slot = SlotOrder.step(walk); slot >= 0; slot = SlotOrder.step(walk)) slots.push(slot);
  expect(slots).toEqual([...map.values()]);
}

describe('The order of slots', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ do: 'add', with: 0 } as const) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('end' as const), with: fc.nat(1000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), with: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.constant({ do: 'walk', with: 0 } as const) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('step' as const), with: fc.nat(9) }) },
  );

  test('is that of a Map, also for those who walk through it while it changes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 700, size: 'max' }), (steps) => {
        const pair = new Pair();
        for (const { do: kind, with: number } of steps) {
          if (kind === 'add') pair.add();
          else if (kind === 'end' && pair.map.size > 0) pair.toEnd(number % pair.map.size);
          else if (kind === 'forget') pair.forget((slot) => slot % 5 === number);
          else if (kind === 'walk') pair.begin();
          else if (kind === 'step') expectSameStep(pair, number);
        }
        expectSameOrder(pair);
        for (let which = 0; which < pair.walks.length; which++)
          for (let times = 0; times <= pair.map.size; times++) expectSameStep(pair, which);
      }),
      { numRuns: 150, interruptAfterTimeLimit: 5000 },
    );
  });

  test('stays right while few slots move to the end many times', () => {
    const pair = new Pair();
    for (let slot = 0; slot < 10; slot++) pair.add();
    pair.begin();
    expectSameStep(pair, 0);
    for (let times = 0; times < 5000; times++) pair.toEnd((times * 7) % 10);
    expectSameOrder(pair);
    expectSameStep(pair, 0);
  });
});
