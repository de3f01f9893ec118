import type { Look } from './look.ts';

/** How much of the past the charts show, in looks at the node: ten minutes, one a second. */
const KEPT = 600;

/** A node at one moment, in numbers. */
export interface Sample {
  /** Seconds since 1970, by the node's clock. */
  readonly time: number;
  readonly life: string;
  readonly values: Readonly<Record<string, number>>;
}

/** The samples with one more, and without what is older than the charts show. Another life, or a clock that went back, begins anew. */
export function withSample(samples: readonly Sample[], { node, metrics }: Look): readonly Sample[] {
  const time = node.time / 1000;
  const last = samples.at(-1);
  const values = Object.fromEntries(metrics.flatMap(({ name, samples: told }) => summed(name, told)));
  const sample = { time, life: node.life, values: { ...values, position: node.position } };
  if (last !== undefined && (last.time >= time || last.life !== node.life)) return [sample];
  return [...samples.slice(-(KEPT - 1)), sample];
}

/** A metric as one number: that of all its tables, peers or codes together. */
function summed(name: string, told: Look['metrics'][number]['samples']): [string, number][] {
  if (told.length === 0) return [];
  const sum = told.reduce((total, { value }) => total + Number(value), 0);
  return Number.isFinite(sum) ? [[name, sum]] : [];
}

/** One value of every sample; null where it was not told, so that a line has a gap there. */
export function series(samples: readonly Sample[], name: string): readonly (number | null)[] {
  return samples.map(({ values }) => values[name] ?? null);
}

/** How fast a counter grew up to each sample, in units a second; null at the first, and where it began anew. */
export function rateSeries(samples: readonly Sample[], name: string): readonly (number | null)[] {
  return samples.map(({ time, values }, index) => {
    const last = samples[index - 1];
    const now = values[name];
    const then = last?.values[name];
    if (last === undefined || now === undefined || then === undefined || now < then) return null;
    return (now - then) / (time - last.time);
  });
}
