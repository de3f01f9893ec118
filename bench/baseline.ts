import type { Report } from './results.ts';

/** Ratios as they were when somebody last looked at them: goal → measured. */
export type Baseline = Readonly<Record<string, number>>;

/** A ratio may become this many times worse before it counts: noise is not a regression, half the speed is one. */
const MARGIN = 2;

/** The ratios of a report that can be compared between machines and moments: not absolute figures, not wall time. */
export function ratiosOf(report: Report): Baseline {
  const ratios: Record<string, number> = {};
  for (const { id, contests } of report.targets) {
    for (const { name, verdicts } of contests) {
      for (const { text, measured, ratio, steady } of verdicts) {
        if (ratio && steady && measured !== undefined)
          ratios[`${id} ${name}: ${text}`] = Number(measured.toPrecision(3));
      }
    }
  }
  return ratios;
}

/** What became twice as bad as in the baseline, in sentences. */
export function regressions(report: Report, baseline: Baseline): readonly string[] {
  const now = ratiosOf(report);
  return Object.entries(baseline).flatMap(([goal, before]) => {
    const measured = now[goal];
    if (measured === undefined) return [];
    // Goals say which way is better: "≤" wants a small ratio, everything else a large one.
    const worse = goal.includes('≤') ? measured / before : before / measured;
    return worse > MARGIN ? [`${goal}: ${measured}, was ${before}`] : [];
  });
}
