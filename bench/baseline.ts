import type { Report } from './results.ts';

/** Ratios as they were when somebody last looked at them: goal → measured. */
export type Ratios = Readonly<Record<string, number>>;

/** `--quick` measures fewer operations, over which the costs of a start weigh more: it has ratios of its own. */
export interface Baseline {
  readonly quick: Ratios;
  readonly full: Ratios;
}

/** A ratio may become this many times worse before it counts: noise is not a regression. */
export const MARGIN = 1.5;

/** A ratio that became worse than the margin. */
export interface Regression {
  readonly contest: string;
  readonly sentence: string;
}

/** The ratios of a report that can be compared between machines and moments: not absolute figures, not wall time. */
export function ratiosOf(report: Report): Ratios {
  return Object.fromEntries(comparable(report).map(({ goal, measured }) => [goal, measured]));
}

/** What became worse than the margin allows, against the baseline of the same size. */
export function regressions(report: Report, baseline: Baseline): readonly Regression[] {
  const ratios = report.quick ? baseline.quick : baseline.full;
  return comparable(report).flatMap(({ contest, goal, measured }) => {
    const before = ratios[goal];
    if (before === undefined) return [];
    // Goals say which way is better: "≤" wants a small ratio, everything else a large one.
    const worse = goal.includes('≤') ? measured / before : before / measured;
    return worse > MARGIN ? [{ contest, sentence: `${goal}: ${measured}, was ${before}` }] : [];
  });
}

/** A contest as reports and regressions name it. */
export function contestId(target: { readonly id: string }, contest: { readonly name: string }): string {
  return `${target.id} ${contest.name}`;
}

interface Comparable {
  readonly contest: string;
  readonly goal: string;
  readonly measured: number;
}

function comparable({ targets }: Report): readonly Comparable[] {
  return targets.flatMap((target) =>
    target.contests.flatMap((result) => {
      const contest = contestId(target, result);
      return result.verdicts.flatMap(({ text, measured, ratio, steady }) =>
        ratio && steady && measured !== undefined
          ? [{ contest, goal: `${contest}: ${text}`, measured: Number(measured.toPrecision(3)) }]
          : [],
      );
    }),
  );
}
