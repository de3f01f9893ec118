/**
 * Health and metrics of a node, for an HTTP server or a collector of your own. `openNode({ health })` answers the same
 * on a port.
 *
 * @packageDocumentation
 */
export { observe } from '../node/observe.ts';
export type { Observation } from '../node/observe.ts';
export type { Span, Tracer } from '../observability/tracing.ts';
export type { Answer } from '../observability/health-answers.ts';
export { METRICS } from '../observability/metrics.ts';
export { EXPOSITION_TYPE, expose } from '../observability/exposition.ts';
export type { Metric, MetricType, Sample } from '../observability/exposition.ts';
