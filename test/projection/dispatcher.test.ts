import { describe, expect, test } from 'vitest';
import { Dispatcher } from '../../src/projection/telling/dispatcher.ts';

/** Tells some numbers in steps of two, so many units a turn; the turns are run by the returned function. */
function gradually(dispatcher: Dispatcher, told: { next(value: number): void }, numbers: readonly number[]) {
  const turns: (() => void)[] = [];
  function* steps(): Generator<void, void, undefined> {
    for (const [index, number] of numbers.entries()) {
      dispatcher.emit(told, number);
      if (index % 2 === 1) yield;
    }
  }
  dispatcher.emitGradually(steps(), { units: 1, defer: (task) => turns.push(task) });
  return () => {
    let ran = 0;
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift(), ran++) turn();
    return ran;
  };
}

describe('What is told gradually', () => {
  test('is told a step per turn, and what a subscriber causes meanwhile after all of it', () => {
    const dispatcher = new Dispatcher();
    const seen: number[] = [];
    const told = {
      next(value: number): void {
        seen.push(value);
        if (value === 1) dispatcher.emit(told, 100);
        if (value === 100) dispatcher.emit(told, 200);
      },
    };
    const runTurns = gradually(dispatcher, told, [1, 2, 3, 4, 5]);
    expect(seen).toEqual([1, 2]);
    dispatcher.emit(told, 50);
    expect(seen).toEqual([1, 2]);
    expect(runTurns()).toBeGreaterThanOrEqual(2);
    expect(seen).toEqual([1, 2, 3, 4, 5, 100, 50, 200]);
    dispatcher.emit(told, 300);
    expect(seen.at(-1)).toBe(300);
  });

  test('is told in one go once it is to be finished', () => {
    const dispatcher = new Dispatcher();
    const seen: number[] = [];
    const runTurns = gradually(dispatcher, { next: (value) => void seen.push(value) }, [1, 2, 3, 4, 5]);
    dispatcher.finish();
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    runTurns();
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  test('goes on after a step in which a subscriber threw, which whoever began it hears of', () => {
    const dispatcher = new Dispatcher();
    const seen: number[] = [];
    const told = {
      next(value: number): void {
        seen.push(value);
        if (value === 1) throw new Error('thrown by a subscriber');
      },
    };
    expect(() => gradually(dispatcher, told, [1, 2, 3, 4, 5])).toThrow('thrown by a subscriber');
    dispatcher.finish();
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });
});
