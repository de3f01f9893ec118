import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Baseline, contestId, ratiosOf, regressions } from '../../bench/baseline.ts';
import type { Contest, Contestant, Sample } from '../../bench/contest.ts';
import { reportPage } from '../../bench/page.ts';
import { type Report, contestResult } from '../../bench/results.ts';
import type { Measured } from '../../bench/run.ts';
import { targets } from '../../bench/targets.ts';

function contestant(name: string, kind: Contestant['kind']): Contestant {
  return { name, kind, module: 'none', export: 'none' };
}

function measured(name: string, kind: Contestant['kind'], samples: readonly Sample[]): Measured {
  return { contestant: contestant(name, kind), samples };
}

const contest: Contest = {
  name: 'local',
  title: 'writes <b>',
  metrics: [
    { name: 'cpu', label: 'CPU', unit: 'µs/op', steady: true },
    { name: 'wall', label: 'time', unit: 'ms' },
  ],
  contestants: [],
  goals: [
    { text: 'cpu ≤ 3x floor', metric: 'cpu', of: 'ours', over: 'floor', atMost: 3 },
    { text: 'time ≤ 9x floor', metric: 'wall', of: 'ours', over: 'floor', atMost: 9 },
    { text: 'cpu ≤ 1 µs', metric: 'cpu', of: 'ours', atMost: 1 },
    { text: '≥ 7x cheaper than peer', metric: 'cpu', of: 'peer', over: 'ours', atLeast: 7 },
  ],
};

function reportOf(ours: readonly Sample[]): Report {
  const result = contestResult(contest, [
    measured('floor', 'floor', [
      { cpu: 1, wall: 1 },
      { cpu: 2, wall: 2 },
      { cpu: 4, wall: 4 },
    ]),
    measured('ours', 'ours', ours),
    { contestant: contestant('peer', 'peer'), samples: [], skipped: 'package peer is not installed' },
  ]);
  return {
    when: '2026-01-01T00:00:00.000Z',
    machine: 'test',
    node: '20',
    quick: true,
    rounds: 3,
    load: [0, 0],
    targets: [{ id: 'P1', title: 'Local write', contests: [result] }],
  };
}

describe('a benchmark report', () => {
  const report = reportOf([
    { cpu: 2, wall: 2 },
    { cpu: 4, wall: 4 },
    { cpu: 12, wall: 12 },
  ]);
  const [first] = report.targets[0]?.contests ?? [];

  test('compares round by round, so that a slow round of the whole machine does not count', () => {
    expect(first?.verdicts[0]).toMatchObject({ verdict: 'met', measured: 2 });
  });

  test('says that a figure misses an absolute goal', () => {
    expect(first?.verdicts[2]).toMatchObject({ verdict: 'missed', measured: 4 });
  });

  test('gives the reason for what was not measured', () => {
    expect(first?.verdicts[3]).toMatchObject({
      verdict: 'not measured',
      reason: 'peer: package peer is not installed',
    });
  });

  test('is one page without anything from elsewhere, and with names escaped', () => {
    const page = reportPage(report);
    expect(page).not.toMatch(/https?:|<script|<link/);
    expect(page).toContain('writes &lt;b&gt;');
  });
});

describe('the comparison with the baseline', () => {
  const ratios = ratiosOf(
    reportOf([
      { cpu: 2, wall: 2 },
      { cpu: 4, wall: 4 },
      { cpu: 8, wall: 8 },
    ]),
  );
  const baseline = { quick: ratios, full: {} };

  test('holds ratios of what repeats: neither absolute figures nor wall time', () => {
    expect(ratios).toEqual({ 'P1 local: cpu ≤ 3x floor': 2 });
  });

  test('lets noise pass', () => {
    expect(regressions(reportOf([{ cpu: 3 }, { cpu: 6 }, { cpu: 12 }]), baseline)).toEqual([]);
  });

  test('names a ratio beyond the margin, and its contest', () => {
    expect(regressions(reportOf([{ cpu: 3.1 }, { cpu: 6.2 }, { cpu: 12.4 }]), baseline)).toEqual([
      { contest: 'P1 local', sentence: 'P1 local: cpu ≤ 3x floor: 3.1, was 2' },
    ]);
  });

  test('compares with a run of the same size only', () => {
    const full = { ...reportOf([{ cpu: 30 }, { cpu: 60 }, { cpu: 120 }]), quick: false };
    expect(regressions(full, baseline)).toEqual([]);
    expect(regressions(full, { quick: {}, full: ratios })).toHaveLength(1);
  });

  test('knows every ratio that CI measures', () => {
    const known = JSON.parse(readFileSync('bench/baseline.json', 'utf8')) as Baseline;
    const measuredInCi = targets
      .filter(({ id }) => ['P1', 'P2', 'P6', 'P8', 'P9'].includes(id))
      .flatMap((target) => target.contests.flatMap((one) => goalsOf(contestId(target, one), one)));
    expect(measuredInCi.filter((goal) => known.quick[goal] === undefined)).toEqual([]);
  });
});

/** Ratios of CPU, memory and bytes between ours and a floor: those for which no peer has to be there. */
function goalsOf(id: string, { goals, contestants, metrics, slow }: Contest): readonly string[] {
  if (slow === true) return [];
  const peers = new Set(contestants.filter(({ kind }) => kind === 'peer').map(({ name }) => name));
  const steady = new Set(metrics.filter((metric) => metric.steady === true).map(({ name }) => name));
  return goals
    .filter(
      ({ of, over, metric }) =>
        over !== undefined && !peers.has(of) && !peers.has(over) && steady.has(metric),
    )
    .map(({ text }) => `${id}: ${text}`);
}

test('every goal of the suite names contestants and a metric of its contest', () => {
  const wrong = targets.flatMap(({ id, contests }) =>
    contests.flatMap(({ goals, contestants, metrics }) => {
      const names = new Set(contestants.map(({ name }) => name));
      const known = new Set(metrics.map(({ name }) => name));
      return goals
        .filter(
          ({ of, over, metric }) =>
            !names.has(of) || (over !== undefined && !names.has(over)) || !known.has(metric),
        )
        .map(({ text }) => `${id}: ${text}`);
    }),
  );
  expect(wrong).toEqual([]);
});
