import { describe, expect, it } from 'vitest';
import { KeyNames } from '../../src/log/runs/key-names.ts';
import { AgeMarks } from '../../src/log/trimming/retention.ts';

describe('what is older than an age', () => {
  it('is named to within a sixteenth of the age, and not before a quarter more has gathered', () => {
    const marks = new AgeMarks(1600);
    for (let time = 0; time <= 1900; time += 10) marks.note(time, 1 + time);
    expect(marks.due(1900, 0)).toBe(0);
    for (let time = 1910; time <= 4000; time += 10) marks.note(time, 1 + time);
    const due = marks.due(4000, 0);
    expect(due).toBeLessThanOrEqual(2401);
    expect(due).toBeGreaterThan(2300);
    marks.forgetTo(due);
    expect(marks.due(4000, due)).toBe(0);
  });

  it('is never what came in lately, however the clock jumps', () => {
    const marks = new AgeMarks(1000);
    for (const [time, position] of [
      [5000, 1],
      [9000, 10],
      [100, 20],
      [200, 30],
      [9050, 40],
    ] as const)
      marks.note(time, position);
    expect(marks.due(9500, 0)).toBeLessThanOrEqual(1);
  });

  it('is known again after a restart, and what was remembered wrongly counts for nothing', () => {
    const marks = new AgeMarks(1000);
    for (let time = 0; time < 9000; time += 50) marks.note(time, time + 1);
    const again = new AgeMarks(1000);
    again.decode(marks.encode());
    expect(again.due(9000, 0)).toBe(marks.due(9000, 0));
    for (const text of ['[', '7', '[[1]]', '[[1,"2"]]', `[${'[1,1],'.repeat(99)}[1,1]]`]) {
      const other = new AgeMarks(1000);
      other.decode(new TextEncoder().encode(text));
      expect(other.due(1e9, 0)).toBe(0);
    }
  });
});

it('what key numbers stand for survives being written down, holes left out', () => {
  const names = new KeyNames();
  const run = {
    table: 't',
    origin: 'a@1',
    newKeys: ['x', 'y'],
    state: { chapter: 2, keys: 5000, origins: 0 },
  };
  names.learn(run);
  names.add('t', 'a@1', { chapter: 2, first: 0, keys: Array.from({ length: 4000 }, (_, id) => `key ${id}`) });
  const again = KeyNames.decode(names.encode());
  const keys = again.learn({ ...run, newKeys: [] });
  expect([keys[0], keys[3999], keys[4000], keys[5000], keys[5001]]).toEqual([
    'key 0',
    'key 3999',
    undefined,
    'x',
    'y',
  ]);
});

it('chapters that are over are forgotten when no run of them was read', () => {
  const names = new KeyNames();
  const run = (chapter: number) => {
    return { table: 't', origin: 'a@1', newKeys: ['x'], state: { chapter, keys: 0, origins: 0 } };
  };
  for (const chapter of [1, 2, 3]) names.learn(run(chapter));
  names.beginUse();
  names.learn(run(2));
  names.forgetUnused();
  const again = KeyNames.decode(names.encode());
  expect([1, 2, 3].map((chapter) => again.learn({ ...run(chapter), newKeys: [] })[0])).toEqual([
    undefined,
    'x',
    'x',
  ]);
});
