import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Stretch, makeWorkload, reachable } from '../../src/trial/workload.ts';
import { busyRows } from './notes.ts';

const options = { nodes: 3, seed: 4, concurrent: 30, partitions: 20 };

test('equal rows, options and seed give an equal workload, another seed another one', () => {
  const rows = busyRows(500);
  expect(makeWorkload(rows, options)).toEqual(makeWorkload(rows, options));
  expect(makeWorkload(rows, { ...options, seed: 5 })).not.toEqual(makeWorkload(rows, options));
});

test('the rows keep their order, and every node gets some of each key', () => {
  const rows = busyRows(600, 3);
  const workload = makeWorkload(rows, options);
  expect(workload.rows.map(({ key, value }) => ({ key, value }))).toEqual(rows);
  expect(new Set(workload.rows.map(({ key, node }) => `${key} ${node}`)).size).toBe(9);
});

test('stretches cover all rows once; none is busy or cut at 0 percent, all are at 100, some at 1', () => {
  for (const count of [1, 2, 19, 20, 21, 333, 50_000]) {
    for (const percent of [0, 1, 100]) {
      const { stretches } = makeWorkload(busyRows(count), {
        ...options,
        concurrent: percent,
        partitions: percent,
      });
      let next = 0;
      for (const { from, to } of stretches) {
        expect(from).toBe(next);
        expect(to).toBeGreaterThan(from);
        next = to;
      }
      expect(next).toBe(count);
      const part = (of: (stretch: Stretch) => boolean): number =>
        stretches.filter(of).length / stretches.length;
      const shares = [part(({ busy }) => busy), part(({ cutOff }) => cutOff !== undefined)];
      if (percent === 1) expect(Math.min(...shares)).toBeGreaterThan(0);
      else expect(shares).toEqual([percent / 100, percent / 100]);
    }
  }
});

test('what can reach a node is what was there before the stretch, and the rows of its side of the cut', () => {
  const arbitrary = fc.record({
    count: fc.integer({ min: 1, max: 60 }),
    nodes: fc.integer({ min: 2, max: 4 }),
    seed: fc.integer({ min: 0, max: 1e6 }),
    rows: fc.nat(60),
    from: fc.nat(60),
    cutOff: fc.option(fc.nat(3), { nil: undefined }),
  });
  fc.assert(
    fc.property(arbitrary, ({ count, nodes, seed, rows, from, cutOff }) => {
      const workload = makeWorkload(busyRows(count), { nodes, seed, concurrent: 0, partitions: 0 });
      const stretch = { from, to: count, busy: true, cutOff };
      for (let node = 0; node < nodes; node++) {
        const expected = Array.from({ length: nodes }, () => 0);
        for (const [index, row] of workload.rows.slice(0, Math.min(rows, count)).entries()) {
          const sameSide = cutOff === undefined || (row.node === cutOff) === (node === cutOff);
          if (index < from || sameSide) expected[row.node] = (expected[row.node] ?? 0) + 1;
        }
        expect(reachable(workload, { node, rows: Math.min(rows, count), stretch })).toEqual(expected);
      }
    }),
    { interruptAfterTimeLimit: 4000 },
  );
});
