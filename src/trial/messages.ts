import type { NatsOptions } from '../nats/options.ts';
import type { NodeNotes } from './observer.ts';
import type { ModeRefusal, ModeResult } from './results.ts';
import type { ComparedMode } from './tables.ts';
import type { Workload } from './workload.ts';

/** Sent to a process of a comparison. */
export type Request =
  | { readonly type: 'simulate'; readonly mode: ComparedMode; readonly workload: Workload }
  | ({ readonly type: 'open' } & OpenRequest)
  | { readonly type: 'cut' }
  | { readonly type: 'heal' }
  | { readonly type: 'write'; readonly from: number; readonly to: number }
  | { readonly type: 'race' }
  | { readonly type: 'hold'; readonly wanted: readonly number[] }
  | { readonly type: 'finish' };

/** A request says what one node process is to open. */
export interface OpenRequest {
  readonly index: number;
  readonly directory: string;
  readonly mode: ComparedMode;
  readonly workload: Workload;
  /** Lists where the nodes before this one listen. */
  readonly peers: readonly string[];
  /** Says what carries its tables in the place of links. */
  readonly nats?: NatsOptions | undefined;
}

/** The counters are what a node process counted. */
export interface NodeCounters {
  /** Bytes of frames it sent; over a carrier, which sends as well, also of those that came. */
  readonly wireBytes: number;
  /** Bytes of its database, after it was closed. */
  readonly diskBytes: number;
  readonly memoryBytes: number | undefined;
}

/** Sent by a process of a comparison, one for each request. */
export type Reply =
  | { readonly type: 'simulated'; readonly result: ModeResult }
  | { readonly type: 'opened'; readonly address: string }
  | { readonly type: 'done' }
  | { readonly type: 'finished'; readonly notes: NodeNotes; readonly counters: NodeCounters }
  | ({ readonly type: 'failed' } & ModeRefusal['refused']);
