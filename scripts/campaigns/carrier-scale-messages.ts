/** Asked of a process with many nodes. */
export type Ask =
  | { readonly type: 'open'; readonly servers: string; readonly first: number; readonly count: number }
  | {
      readonly type: 'write';
      /** So many of its nodes write. */
      readonly writers: number;
      readonly perSecond: number;
      readonly seconds: number;
      readonly round: number;
      /** Says where in the interval of a writer this process begins: from 0 to below 1. */
      readonly turn: number;
    }
  | { readonly type: 'state'; readonly isCollected: boolean }
  | { readonly type: 'arrivals' }
  | { readonly type: 'digests' };

/** Says what a process with many nodes cost up to now. */
export interface State {
  readonly cpuMs: number;
  readonly rss: number;
  readonly heap: number;
  readonly deliveries: number;
  /** Lists how many rows its nodes have. */
  readonly sizes: readonly number[];
}

/** Says how many nodes of a process have a write, and after how many milliseconds the last of them had. */
export interface Arrival {
  readonly key: string;
  readonly count: number;
  readonly worst: number;
}

/** Told by a process with many nodes. */
export type Told =
  | { readonly type: 'done' }
  | ({ readonly type: 'state' } & State)
  | { readonly type: 'arrivals'; readonly arrivals: readonly Arrival[] }
  | { readonly type: 'digests'; readonly digests: readonly string[] };
