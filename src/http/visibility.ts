import type { Metric } from '../observability/exposition.ts';
import type { PeerRights } from '../replication/peers/peer-state.ts';
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

/**
 * Words may name any table: those that say why a peer is refused, for one. Who may not read every table is told that
 * there is a reason, and not which.
 */
export function wordsFor({ readsAll }: Viewer, words: string): string {
  return readsAll ? words : 'told to those who may read every table';
}

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

/**
 * The rights of a peer. Who may not read every table is told of no other holder of a credential, nor which tables it
 * writes: both are names of others.
 */
export function rightsFor({ holder: own, readsAll }: Viewer, rights: PeerRights): object {
  const { holder, write, relays } = rights;
  return { holder: readsAll || holder === own ? holder : null, writes: readsAll ? write : [], relays };
}
