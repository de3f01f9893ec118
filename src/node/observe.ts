import { TablecastError } from '../errors.ts';
import type { Metric } from '../observability/exposition.ts';
import { type Answer, HealthAnswers } from '../observability/health-answers.ts';
import type { ObservedNode } from '../observability/observed-node.ts';
import { OBSERVED } from './outside.ts';

/** An observation answers how a node of this process fares, for an HTTP server or a collector of your own. */
export interface Observation {
  /** Says that the process lives, as `/livez` does. */
  livez(): Answer;
  /** Says whether the node is ready, and why not, as `/readyz` does; asks the disk at most once in five seconds. */
  readyz(): Promise<Answer>;
  /** Reads every metric; those that are read within half a second of each other are the same. */
  metrics(): Promise<readonly Metric[]>;
  /** Gives the metrics in Prometheus's text format, as `/metrics` does. */
  exposed(): Promise<Answer>;
  /** Ends the observation. Idempotent. */
  stop(): void;
}

/**
 * Begins to observe a node, whether it has a health port or not. It counts events from then on, and looks at disk and
 * event loop once a second until it is stopped. Throws `OPTION_INVALID` for a node of `tablecast/core`.
 */
export function observe(node: { readonly id: string }): Observation {
  const observed = (node as { readonly [OBSERVED]?: ObservedNode | undefined })[OBSERVED];
  if (observed !== undefined) return new HealthAnswers(observed);
  throw new TablecastError('OPTION_INVALID', `Node ${node.id} cannot be observed here.`, {
    hint: "Open it with openNode of 'tablecast' in this process.",
  });
}
