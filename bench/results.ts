import { median } from './clock.ts';
import type { Contest, Contestant, Goal, Metric, Target } from './contest.ts';
import type { Measured } from './run.ts';

/** Median and spread of one metric. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One contestant's line. */
export interface Row {
  readonly name: string;
  readonly kind: Contestant['kind'];
  /** Why there are no figures. */
  readonly skipped?: string | undefined;
  readonly rounds: number;
  readonly figures: Readonly<Record<string, Figure>>;
  /** Its first metric as a multiple of the first floor's, round by round; undefined without a floor. */
  readonly timesFloor?: Figure | undefined;
}

/** What became of a goal. */
export interface Verdict {
  readonly text: string;
  readonly verdict: 'met' | 'missed' | 'not measured';
  readonly measured?: number | undefined;
  readonly wanted: number;
  readonly ratio: boolean;
  /** Whether it can be compared with another run's. */
  readonly steady: boolean;
  readonly reason?: string | undefined;
}

/** A contest with its figures. */
export interface ContestResult {
  readonly name: string;
  readonly title: string;
  readonly note?: string | undefined;
  readonly metrics: readonly Metric[];
  readonly rows: readonly Row[];
  readonly verdicts: readonly Verdict[];
}

/** A target with its contests. */
export interface TargetResult {
  readonly id: string;
  readonly title: string;
  readonly contests: readonly ContestResult[];
}

/** Everything one run of the suite found, as `--json` writes it. */
export interface Report {
  readonly when: string;
  readonly machine: string;
  readonly node: string;
  readonly quick: boolean;
  readonly rounds: number;
  /** Load of the machine at the beginning and at the end: what the noise is made of. */
  readonly load: readonly [number, number];
  readonly targets: readonly TargetResult[];
}

export function contestResult(contest: Contest, measured: readonly Measured[]): ContestResult {
  const { name, title, note, metrics } = contest;
  const floor = measured.find(({ contestant, samples }) => contestant.kind === 'floor' && samples.length > 0);
  return {
    name,
    title,
    note,
    metrics,
    rows: measured.map((one) => rowOf(one, metrics, floor)),
    verdicts: contest.goals.map((goal) => verdictOf(goal, metrics, measured)),
  };
}

/** Puts contests under their target. */
export function targetResult({ id, title }: Target, contests: readonly ContestResult[]): TargetResult {
  return { id, title, contests };
}

function rowOf(measured: Measured, metrics: readonly Metric[], floor: Measured | undefined): Row {
  const { contestant, samples, skipped } = measured;
  const figures = metrics.flatMap((metric) => {
    const values = valuesOf(measured, metric.name);
    return values.length === 0 ? [] : [[metric.name, figureOf(values)] as const];
  });
  const [first] = metrics;
  const ratios = first && floor ? ratiosOf(measured, floor, first.name) : [];
  return {
    name: contestant.name,
    kind: contestant.kind,
    skipped: samples.length === 0 ? (skipped ?? 'no round was run') : undefined,
    rounds: samples.length,
    figures: Object.fromEntries(figures),
    timesFloor: ratios.length === 0 ? undefined : figureOf(ratios),
  };
}

function valuesOf({ samples }: Measured, metric: string): readonly number[] {
  return samples.map((sample) => sample[metric] ?? Number.NaN).filter((value) => !Number.isNaN(value));
}

/** Round by round, because what disturbs the machine disturbs neighbours alike. */
function ratiosOf(one: Measured, other: Measured, metric: string): readonly number[] {
  const over = valuesOf(other, metric);
  return valuesOf(one, metric).flatMap((value, index) => {
    const base = over[index];
    return base === undefined || base === 0 ? [] : [value / base];
  });
}

function figureOf(values: readonly number[]): Figure {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function verdictOf(goal: Goal, metrics: readonly Metric[], measured: readonly Measured[]): Verdict {
  const wanted = (goal.atMost ?? goal.atLeast) as number;
  const steady = metrics.some(({ name, steady: repeats }) => name === goal.metric && repeats === true);
  const shared = { text: goal.text, wanted, ratio: goal.over !== undefined, steady };
  const parties = [goal.of, ...(goal.over === undefined ? [] : [goal.over])];
  const found = parties.map((name) => measured.find(({ contestant }) => contestant.name === name));
  const absent = parties.findIndex((_, index) => (found[index]?.samples.length ?? 0) === 0);
  if (absent >= 0) {
    const reason = `${parties[absent]}: ${found[absent]?.skipped ?? 'not in this contest'}`;
    return { ...shared, verdict: 'not measured', reason };
  }
  const [of, over] = found as [Measured, Measured | undefined];
  const values = over === undefined ? valuesOf(of, goal.metric) : ratiosOf(of, over, goal.metric);
  if (values.length === 0)
    return { ...shared, verdict: 'not measured', reason: `${goal.of} reports no figure for ${goal.metric}` };
  const value = median(values);
  const met = goal.atMost === undefined ? value >= wanted : value <= wanted;
  return { ...shared, verdict: met ? 'met' : 'missed', measured: value };
}

/** A number with three digits that count. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (size >= 10_000) return `${(value / 1000).toFixed(0)} k`;
  if (size >= 1000) return `${(value / 1000).toFixed(2)} k`;
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}
