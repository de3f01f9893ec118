import type { Metric } from '../observability/exposition.ts';
import { wordsFor } from '../replication/peers/peer-form.ts';
import type { Viewer } from './admission.ts';

/** Labels whose values name no table, beside `table` itself. */
const PLAIN_LABELS: ReadonlySet<string> = new Set([
  'author',
  'by',
  'code',
  'node',
  'peer',
  'state',
  'status',
  'table',
]);

/** Reasons why a node is not ready: of a peer only which one it is, to those who may not read every table. */
export function reasonsFor(viewer: Viewer, reasons: readonly string[]): readonly string[] {
  return reasons.map((reason) => {
    const [, subject] = /^(peer \S+): /.exec(reason) ?? [];
    return subject === undefined
      ? reason
      : `${subject}: ${wordsFor(viewer, reason.slice(subject.length + 2))}`;
  });
}

/** Metrics without the samples of tables that may not be read, and without labels of which nobody knows what they name. */
export function metricsFor({ grant, readsAll }: Viewer, metrics: readonly Metric[]): readonly Metric[] {
  if (readsAll) return metrics;
  const isTold = (labels: Readonly<Record<string, string>> = {}): boolean =>
    Object.entries(labels).every(
      ([name, value]) => PLAIN_LABELS.has(name) && (name !== 'table' || grant.mayRead(value)),
    );
  return metrics.map((metric) => ({
    ...metric,
    samples: metric.samples.filter(({ labels }) => isTold(labels)),
  }));
}
