import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_STRETCHES, SessionMarks, sessionIn } from '../../src/log/operations/session-marks.ts';

/** Runs of an origin, each with the session that wrote it. */
const histories = fc.array(
  fc.record({ count: fc.integer({ min: 1, max: 5 }), session: fc.integer({ min: 1, max: 3 }) }),
  {
    maxLength: 40,
  },
);

describe('which session wrote an operation', () => {
  it('is known of every operation noted, and of none else', () => {
    fc.assert(
      fc.property(histories, (runs) => {
        const marks = new SessionMarks();
        const all: number[] = [];
        for (const { count, session } of runs) {
          marks.note(4, all.length + 1, session);
          all.push(...Array.from({ length: count }, () => session));
        }
        expect(all.map((_, index) => marks.of(4, index + 1))).toEqual(all);
        expect([marks.of(4, 0), marks.of(5, 1)]).toEqual([0, 0]);
        const copy = new SessionMarks();
        copy.take(9, 0, marks.stretches(4));
        expect(all.map((_, index) => copy.of(9, index + 1))).toEqual(all);
      }),
      { numRuns: 200, interruptAfterTimeLimit: 4000 },
    );
  });

  it('is not known of the oldest of an author that was started very often', () => {
    const marks = new SessionMarks();
    const starts = MAX_STRETCHES + 10;
    for (let start = 1; start <= starts; start++) marks.note(1, start, 1000 + start);
    expect(marks.stretches(1)).toHaveLength(2 * MAX_STRETCHES);
    expect([marks.of(1, 10), marks.of(1, 11), marks.of(1, starts)]).toEqual([0, 1011, 1000 + starts]);
  });

  it('is another one where what was noted was discarded', () => {
    const marks = new SessionMarks();
    marks.note(1, 1, 7);
    marks.note(1, 5, 8);
    marks.note(1, 3, 9);
    expect([1, 2, 3, 4, 5].map((sequence) => marks.of(1, sequence))).toEqual([7, 7, 9, 9, 9]);
  });

  it('is not known of what came from a program that did not say it', () => {
    const marks = new SessionMarks();
    marks.note(1, 1, 7);
    marks.take(1, 3, undefined);
    expect([marks.of(1, 3), marks.of(1, 4)]).toEqual([7, 0]);
    expect(sessionIn([], 1)).toBe(0);
  });
});
