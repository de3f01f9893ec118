import type { Rates } from '../api/types.ts';
import { authorColor } from './author-color.ts';
import { nodeOf } from './format.ts';

/** As many lines as there are colours; what is left goes into one more. */
const MOST_LINES = 7;

/** One line of the chart of operations. */
export interface RateLine {
  readonly name: string;
  readonly color: string;
  readonly values: readonly number[];
}

/** Operations by table or by the node that wrote them, a second or a bucket; the busiest of them. */
export function rateLines(rates: Rates, by: 'table' | 'origin'): readonly RateLine[] {
  const named = new Map<string, number[]>();
  const perSecond = rates.by === 'time' ? 1000 / Math.max(rates.width, Number.MIN_VALUE) : 1;
  for (const { table, origin, counts } of rates.series) {
    const name = by === 'table' ? table : nodeOf(origin);
    const line = named.get(name) ?? counts.map(() => 0);
    named.set(
      name,
      line.map((value, index) => value + (counts[index] ?? 0) * perSecond),
    );
  }
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const busiest = Array.from(named).toSorted(([, one], [, other]) => sum(other) - sum(one));
  // By name, so that lines do not change places and colours whenever one overtakes another.
  const chosen = busiest.slice(0, MOST_LINES).toSorted(([one], [other]) => (one < other ? -1 : 1));
  const lines = chosen.map(([name, values], index) => ({
    name,
    color: `--author-${by === 'origin' ? authorColor(name) : index}`,
    values,
  }));
  const others = busiest.slice(MOST_LINES).map(([, values]) => values);
  if (others.length === 0) return lines;
  const rest = (others[0] ?? []).map((_, index) => sum(others.map((values) => values[index] ?? 0)));
  return [...lines, { name: `${others.length} others`, color: '--line-strong', values: rest }];
}

/** Where each bucket stands on the axis of a chart: seconds, or positions. */
export function bucketPlaces(rates: Rates): readonly number[] {
  const buckets = rates.series[0]?.counts.length ?? 0;
  const unit = rates.by === 'time' ? 1000 : 1;
  return Array.from({ length: buckets }, (_, index) => (rates.from + (index + 0.5) * rates.width) / unit);
}
