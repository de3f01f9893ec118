/** One workload through every conflict mode, with what each loses and costs: what `tablecast compare` runs. */
export { compare } from './compare.ts';
export type { ComparedNats } from './nats-group.ts';
export type { ClusterResult, Comparison, ModeRefusal, ModeResult, RowSource } from './results.ts';
export type { ComparedMode } from './tables.ts';
export { makeWorkload } from './workload.ts';
export type { SourceRow } from './workload.ts';
