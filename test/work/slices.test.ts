import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Slices, type Work, type WorkEnd, allAtOnce } from '../../src/work/slices.ts';

/** Tasks of later turns, run by the test. */
let turns: (() => void)[];
/** What happened, in order. */
let seen: string[];

beforeEach(() => {
  turns = [];
  seen = [];
});

const slicesOf = (units: number): Slices => new Slices({ units, defer: (task) => void turns.push(task) });

/** Runs the turns there are, and those that they bring about; returns how many they were. */
function runTurns(): number {
  let count = 0;
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    count++;
    turn();
  }
  return count;
}

/** Work of steps that take so many units each, and say so. */
function* steps(name: string, units: readonly number[]): Work<string> {
  try {
    for (const [index, took] of units.entries()) {
      seen.push(`${name}${index + 1}`);
      yield took;
    }
  } finally {
    seen.push(`${name} over`);
  }
  return name;
}

const telling: WorkEnd<string> = {
  done: (name) => void seen.push(`${name} done`),
  failed: (error) => void seen.push(`failed: ${String(error)}`),
};

describe('work in slices', () => {
  it('that fits into one slice is done at once', () => {
    slicesOf(10).run(steps('a', [3, 3, 3]), telling);
    expect(seen).toEqual(['a1', 'a2', 'a3', 'a over', 'a done']);
    expect(turns).toEqual([]);
  });

  it('that is longer goes on in later turns, so much in each', () => {
    slicesOf(10).run(steps('a', [6, 6, 6, 6]), telling);
    expect(seen).toEqual(['a1', 'a2']);
    expect(turns).toHaveLength(1);
    turns.shift()?.();
    expect(seen).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(runTurns()).toBe(1);
    expect(seen.slice(4)).toEqual(['a over', 'a done']);
  });

  it('goes on when it is its turn again: each one slice, first come first', () => {
    const slices = slicesOf(1);
    for (const name of ['a', 'b', 'c']) slices.run(steps(name, [1, 1]), telling);
    expect(turns).toHaveLength(1);
    runTurns();
    expect(seen.filter((what) => /\d/.test(what))).toEqual(['a1', 'a2', 'b1', 'c1', 'b2', 'c2']);
    expect(seen.filter((what) => what.endsWith('done'))).toEqual(['a done', 'b done', 'c done']);
  });

  it('is not passed over for what came later when the one before it ends with its slice', () => {
    const slices = slicesOf(2);
    slices.run(steps('a', [2, 1]), telling);
    slices.run(steps('b', [2]), telling);
    slices.run(steps('c', [2]), telling);
    runTurns();
    expect(seen.filter((what) => /\d/.test(what))).toEqual(['a1', 'a2', 'b1', 'c1']);
    seen = [];
    // Ends exactly with the slice.
    const other = slicesOf(1);
    other.run(steps('d', [1]), telling);
    for (const name of ['e', 'f', 'g']) other.run(steps(name, []), telling);
    runTurns();
    expect(seen.filter((what) => what.endsWith('done'))).toEqual(['d done', 'e done', 'f done', 'g done']);
  });

  it('comes to its end, told once, whatever other work there is, and no turn does more than its units', () => {
    const longest = 5;
    const works = fc.array(fc.array(fc.integer({ min: 1, max: longest }), { maxLength: 8 }), {
      maxLength: 6,
    });
    const property = fc.property(works, fc.integer({ min: 1, max: 12 }), (given, units) => {
      turns = [];
      const ended: number[] = [];
      let inTurn = 0;
      const counted = function* (parts: readonly number[]): Work {
        for (const took of parts) {
          expect(inTurn).toBeLessThan(units);
          inTurn += took;
          yield took;
        }
      };
      const slices = slicesOf(units);
      for (const [index, parts] of given.entries()) {
        inTurn = turns.length === 0 ? 0 : inTurn;
        slices.run(counted(parts), {
          done: () => void ended.push(index),
          failed: () => expect.unreachable(),
        });
      }
      for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
        inTurn = 0;
        turn();
        expect(turns.length).toBeLessThan(2);
      }
      expect(ended.toSorted((one, other) => one - other)).toEqual([...given.keys()]);
    });
    fc.assert(property, { interruptAfterTimeLimit: 5000 });
  });

  it('begun by the end of other work takes its turn', () => {
    const slices = slicesOf(10);
    const next = (): void => slices.run(steps('b', [1]), telling);
    slices.run(steps('a', [1]), { ...telling, done: next });
    expect(seen).toEqual(['a1', 'a over', 'b1', 'b over', 'b done']);
  });
});

describe('work that fails', () => {
  function* failing(): Work<string> {
    yield 1;
    throw new Error('no');
  }

  it('is told as failed, once, and the others go on', () => {
    const slices = slicesOf(1);
    slices.run(failing(), telling);
    slices.run(steps('b', [1]), telling);
    runTurns();
    expect(seen).toEqual(['failed: Error: no', 'b1', 'b over', 'b done']);
  });
});

describe('an end that throws', () => {
  const throwing: WorkEnd<string> = {
    done: (name) => {
      seen.push(`${name} done`);
      throw new Error('who was told');
    },
    failed: (error) => {
      seen.push(`failed: ${String(error)}`);
      throw new Error('who was told');
    },
  };

  function* failing(): Work<string> {
    yield 1;
    throw new Error('no');
  }

  it('in the call that asked for it: is told to the caller, as no failure of the work', () => {
    const slices = slicesOf(10);
    expect(() => slices.run(steps('a', [1]), throwing)).toThrow('who was told');
    expect(seen).toEqual(['a1', 'a over', 'a done']);
    slices.run(steps('b', [1]), telling);
    expect(seen.slice(3)).toEqual(['b1', 'b over', 'b done']);
  });

  it.each([
    ['done', (): Work<string> => steps('a', [1]), 'a done'],
    ['failed', failing, 'failed: Error: no'],
  ])(
    'in a later turn, told %s: comes out of that turn once, and what waits behind it goes on',
    (_, work, told) => {
      const slices = slicesOf(1);
      slices.run(work(), throwing);
      slices.run(steps('b', [1, 1]), telling);
      slices.run(steps('c', [1]), telling);
      const thrown: unknown[] = [];
      for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
        try {
          turn();
        } catch (error) {
          thrown.push(error);
        }
      }
      expect(thrown).toMatchObject([{ message: 'who was told' }]);
      expect(seen.filter((what) => what === told)).toHaveLength(1);
      expect(seen.filter((what) => /^[bc] done/.test(what))).toEqual(['c done', 'b done']);
    },
  );
});

describe('slices that are stopped', () => {
  it('cancel what waits without telling its end, and take no more', () => {
    const slices = slicesOf(1);
    slices.run(steps('a', [1, 1, 1]), telling);
    slices.run(steps('b', [1]), telling);
    turns.shift()?.();
    turns.shift()?.();
    slices.stop();
    expect(seen).toEqual(['a1', 'a2', 'b1', 'a over', 'b over']);
    slices.run(steps('c', [1]), telling);
    runTurns();
    expect(seen).toHaveLength(5);
  });

  it('by the end of work do nothing more in that turn', () => {
    const slices = slicesOf(10);
    slices.run(steps('a', [10, 1]), { ...telling, done: () => slices.stop() });
    slices.run(steps('b', [1, 10, 1]), telling);
    expect(runTurns()).toBe(1);
    expect(seen).toEqual(['a1', 'a2', 'a over']);
  });
});

describe('work in one go', () => {
  it('gives its result, and throws what it throws', () => {
    expect(allAtOnce(steps('a', [1, 2]))).toBe('a');
    const broken = function* (): Work<string> {
      yield 1;
      throw new Error('no');
    };
    expect(() => allAtOnce(broken())).toThrow('no');
  });
});
