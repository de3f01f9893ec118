import { describe, expect, test } from 'vitest';
import { MAX_STARTS, type Start, Starts } from '../../src/projection/replay/starts.ts';

const start = (life: string, epoch: number, position: number): Start => ({ life, epoch, position });

describe('What was told in an earlier life', () => {
  test('stands up to where the log ended when the next one began, if nothing was lost', () => {
    const starts = new Starts([start('a', 1, 0), start('b', 1, 10), start('c', 1, 30)]);
    expect(starts.standing(7, 'a')).toBe(7);
    expect(starts.standing(10, 'a')).toBe(10);
    // Beyond it were tables that do not survive: their positions are given again.
    expect(starts.standing(20, 'a')).toBe(10);
    expect(starts.standing(20, 'b')).toBe(20);
    expect(starts.standing(40, 'b')).toBe(30);
  });

  test('is gone behind the end of a log that may have lost its tail, also some lives later', () => {
    const starts = new Starts([start('a', 1, 0), start('b', 1, 20), start('c', 2, 15), start('d', 2, 90)]);
    expect(starts.standing(15, 'a')).toBe(15);
    expect(starts.standing(16, 'a')).toBeUndefined();
    expect(starts.standing(16, 'b')).toBeUndefined();
    expect(starts.standing(16, 'c')).toBe(16);
  });

  test('is not known of a life that is not remembered: one more than MAX_STARTS', () => {
    let starts = new Starts();
    for (let n = 0; n < MAX_STARTS; n++) starts = starts.and(start(`l${n}`, 1, n));
    expect(starts.standing(0, 'l0')).toBe(0);
    starts = starts.and(start('more', 1, 100));
    expect(starts.all).toHaveLength(MAX_STARTS);
    expect(starts.standing(0, 'l0')).toBeUndefined();
    expect(starts.standing(1, 'l1')).toBe(1);
  });
});
