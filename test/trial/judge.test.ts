import { describe, expect, test } from 'vitest';
import { judge } from '../../src/trial/judge.ts';
import { notesOf, rowsOf } from './notes.ts';

describe('the judge of counts', () => {
  const workload = rowsOf(['a', 0], ['a', 1], ['b', 0]);

  test('finds nothing where every node has the true counts', () => {
    const counts = [
      ['a', 2],
      ['b', 1],
    ] as const;
    const { counts: judged } = judge(workload, [notesOf({ counts }), notesOf({ counts })]);
    expect(judged).toMatchObject({ counted: [3, 3], lost: [0, 0], excess: 0, keysDiverged: 0 });
  });

  test('sees an increment that one node lacks, a row that is missing and one that nobody wrote', () => {
    const { counts } = judge(workload, [
      notesOf({
        counts: [
          ['a', 1],
          ['b', 1],
        ],
      }),
      notesOf({
        counts: [
          ['a', 2],
          ['c', 4],
        ],
      }),
    ]);
    expect(counts).toMatchObject({ counted: [2, 6], lost: [1, 1], excess: 4, keysDiverged: 3 });
  });

  test('does not set a key counted twice against one that is lost', () => {
    const counts = [
      ['a', 3],
      ['b', 0],
    ] as const;
    const { counts: judged } = judge(workload, [notesOf({ counts }), notesOf({ counts })]);
    expect(judged).toMatchObject({ counted: [3, 3], lost: [1, 1], excess: 2 });
  });

  test('holds what is reported as different against what differs', () => {
    const { counts } = judge(workload, [
      notesOf({ counts: [['a', 2]], diverged: ['b'] }),
      notesOf({ counts: [['a', 1]], diverged: ['a', 'b'] }),
    ]);
    expect(counts).toMatchObject({ keysDiverged: 1, divergedReported: 1, falselyReported: 1 });
  });
});

describe('the judge of updates', () => {
  const workload = rowsOf(['a', 0], ['a', 1], ['a', 0]);

  test('an update that a later writer had read is not lost, and neither is the one that stands', () => {
    const chain = notesOf({
      writes: [{ row: 0 }, { row: 2, read: [1] }],
      latest: [['a', 2]],
    });
    const other = notesOf({ writes: [{ row: 1, read: [0], seen: [1, 0] }], latest: [['a', 2]] });
    expect(judge(workload, [chain, other]).latest).toMatchObject({ lost: 0, kept: 0, keysDiverged: 0 });
  });

  test('an update is lost when nobody had read it and nobody can', () => {
    const blind = notesOf({ writes: [{ row: 0 }, { row: 2, read: [0] }], latest: [['a', 2]] });
    const other = notesOf({ writes: [{ row: 1, read: [] }], latest: [['a', 2]] });
    expect(judge(workload, [blind, other]).latest).toMatchObject({ lost: 1, kept: 0 });
  });

  test('an update that can still be read beside the winner is kept', () => {
    const blind = notesOf({ writes: [{ row: 0 }, { row: 2, read: [0] }], latest: [['a', 2, [1]]] });
    const other = notesOf({ writes: [{ row: 1 }], latest: [['a', 2, [1]]] });
    expect(judge(workload, [blind, other]).latest).toMatchObject({ lost: 0, kept: 1 });
  });

  test('where nodes differ, what stands on either is not lost', () => {
    const here = notesOf({ writes: [{ row: 0 }, { row: 2, read: [0] }], latest: [['a', 1]] });
    const there = notesOf({ writes: [{ row: 1 }], latest: [['a', 2]] });
    expect(judge(workload, [here, there]).latest).toMatchObject({ lost: 0, kept: 0, keysDiverged: 1 });
  });
});

test('a row is concurrent when another node had written the key and its writer did not know', () => {
  const workload = rowsOf(['a', 0], ['a', 1], ['b', 1], ['a', 0]);
  const one = notesOf({ writes: [{ row: 0 }, { row: 3, seen: [1, 2] }] });
  const other = notesOf({ writes: [{ row: 1 }, { row: 2, seen: [0, 1] }] });
  expect(judge(workload, [one, other])).toMatchObject({ concurrentRows: 1, keysWrittenConcurrently: 1 });
  const knowing = notesOf({
    writes: [
      { row: 1, seen: [1, 0] },
      { row: 2, seen: [1, 1] },
    ],
  });
  expect(judge(workload, [one, knowing])).toMatchObject({ concurrentRows: 0, keysWrittenConcurrently: 0 });
});
