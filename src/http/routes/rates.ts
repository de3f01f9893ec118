import {
  type Answer,
  type Asked,
  type Handlers,
  json,
  numberIn,
  tableOf,
  wholeIn,
  wordIn,
} from '../asked.ts';
import type { HttpHost } from '../host.ts';
import type { Census } from '../past/census.ts';
import { invalidRequest } from '../problem.ts';

const MAX_BUCKETS = 500;
const DEFAULT_BUCKETS = 100;

/** The route that counts operations over a stretch of the log. */
export function rateRoutes(host: HttpHost, census: Census): Handlers {
  return { rates: (asked) => rates(host, census, asked) };
}

/** A stretch of the log, in buckets. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly buckets: number;
}

async function rates(host: HttpHost, census: Census, asked: Asked): Promise<Answer> {
  const only = onlyTable(host, asked);
  const by = wordIn(asked.query, 'by', ['position', 'time'] as const) ?? 'time';
  await census.update();
  const { grant } = asked.viewer;
  const isTold = census.series.map(({ table }) => (only ?? table) === table && grant.mayRead(table));
  const told = census.counted.filter(({ series }) => isTold[series]);
  const places = told.map((one) => one[by]);
  const first = smallest(told.map(({ position }) => position)) ?? 0;
  const { position: last } = host.observed;
  const times = told.map(({ time }) => time);
  const stretch = stretchIn(asked, {
    from: by === 'position' ? first : (smallest(places) ?? Date.now() - 1000),
    to: by === 'position' ? last : Date.now(),
  });
  const counts = new Map<number, number[]>();
  const width = (stretch.to - stretch.from) / stretch.buckets;
  for (const [index, { series, count }] of told.entries()) {
    const bucket = Math.floor(((places[index] as number) - stretch.from) / width);
    if (bucket < 0 || bucket > stretch.buckets) continue;
    const line = counts.get(series) ?? Array.from({ length: stretch.buckets }, () => 0);
    const at = Math.min(bucket, stretch.buckets - 1);
    line[at] = (line[at] as number) + count;
    counts.set(series, line);
  }
  return json({
    by,
    from: stretch.from,
    to: stretch.to,
    width,
    first,
    last,
    firstTime: smallest(times) ?? null,
    lastTime: largest(times) ?? null,
    series: Array.from(counts, ([series, line]) => ({ ...census.series[series], counts: line })),
  });
}

/** The table that is asked for alone. Throws a problem for one that is not there, or may not be known. */
function onlyTable(host: HttpHost, asked: Asked): string | undefined {
  const name = asked.query.get('table');
  if (name === null) return undefined;
  const segments = ['v1', 'tables', encodeURIComponent(name)];
  return tableOf(host, { ...asked, segments }).table.name;
}

function stretchIn({ query }: Asked, all: { readonly from: number; readonly to: number }): Stretch {
  const from = numberIn(query, 'from') ?? all.from;
  const to = numberIn(query, 'to') ?? Math.max(all.to, from + 1);
  const buckets = wholeIn(query, 'buckets') ?? DEFAULT_BUCKETS;
  if (buckets < 1 || buckets > MAX_BUCKETS)
    throw invalidRequest(`buckets is ${buckets}.`, `Give 1 to ${MAX_BUCKETS}.`);
  if (to <= from) throw invalidRequest(`to is ${to}, and from ${from}.`, 'Give a to behind from.');
  return { from, to, buckets };
}

function smallest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((one, other) => Math.min(one, other));
}

function largest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((one, other) => Math.max(one, other));
}
