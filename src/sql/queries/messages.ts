import type { Failure } from '../messages.ts';

/** A cell of an answer holds integers beyond 2^53-1 either way as bigints. */
export type QueryCell = string | number | bigint | Uint8Array | null;

/** A query as the process that answers it is told. */
export interface QueryOrder {
  /** The database; undefined where there are no tables. */
  readonly file: string | undefined;
  readonly sql: string;
  readonly parameters: readonly QueryCell[];
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** The rows that a query gives. */
export interface FoundRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly QueryCell[])[];
}

/** The process says once that it is there, then an answer for each query. */
export type QueryReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'rows'; readonly found: FoundRows }
  | { readonly kind: 'refused'; readonly failure: Failure };
