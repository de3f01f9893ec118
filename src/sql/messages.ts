import { type Failure, isTablecastError, toFailure } from '../errors.ts';
import type { PlainDeclaration } from '../schema/index.ts';
import type { Standing } from './target.ts';

/** A table to project, as the thread that does it is told. */
export interface TableOrder {
  readonly name: string;
  readonly declaration: PlainDeclaration;
  readonly into: string;
  /** Names of the columns, those of the key first; what is left out is named as by default. */
  readonly columns: readonly string[];
}

/** The order that the projecting thread begins with. */
export interface ProjectionStart {
  readonly to: string;
  readonly tables: readonly TableOrder[];
  readonly history: boolean;
  readonly existing: boolean;
  /** URL of a module that filters and maps. */
  readonly module: string | undefined;
}

/** The basis that a projection begins from. */
export interface Basis {
  /** `log`: all operations there were; `checkpoint`: the rows as they are. */
  readonly kind: 'log' | 'checkpoint';
  /** Segments behind this position are read. */
  readonly after: number;
  /** From this position on rows are exact. */
  readonly exactFrom: number;
  /** The life that positions are counted in. */
  readonly source: string;
  readonly checkpoints: readonly { readonly table: string; readonly chunks: readonly Uint8Array[] }[];
}

/** A piece of the log on its way. */
export interface FedSegment {
  readonly position: number;
  readonly span: number;
  readonly bytes: Uint8Array;
  /** The table that took over a checkpoint with it. */
  readonly adopted: string | undefined;
}

/** A batch is a piece of the log. */
export interface Batch {
  readonly segments: readonly FedSegment[];
  /** Says how far this goes: behind the last segment there may be more that no table of the projection needs. */
  readonly upTo: number;
  /** True when more is there already. */
  readonly more: boolean;
  /** The life that positions are counted in. */
  readonly source: string;
}

/** To the thread; `to` is the number of the request that is answered. */
export type Order =
  | { readonly kind: 'basis'; readonly to: number; readonly basis: Basis }
  | { readonly kind: 'batch'; readonly to: number; readonly batch: Batch }
  | { readonly kind: 'refused'; readonly to: number; readonly failure: Failure }
  | { readonly kind: 'stop' };

/** From the thread, to be answered; a later one takes the place of an earlier one. */
export type Request =
  | {
      readonly kind: 'begin';
      readonly number: number;
      readonly standings: readonly (Standing | undefined)[];
    }
  | { readonly kind: 'pull'; readonly number: number; readonly after: number };

/** From the thread. */
export type Report =
  | { readonly kind: 'began'; readonly from: BeganFrom }
  | { readonly kind: 'reached'; readonly position: number }
  | { readonly kind: 'trouble'; readonly failure: Failure; readonly retrying: boolean };

/** A report of how a projection began. */
export interface BeganFrom {
  readonly kind: Basis['kind'];
  readonly position: number;
  /** Tables whose history does not say what happened behind the position they stood at. */
  readonly gaps: readonly { readonly table: string; readonly after: number }[];
  /** Tables made anew because their columns changed. */
  readonly rebuilt: readonly string[];
}

/** An error as it is handed to another thread. */
export function projectionFailure(error: unknown): Failure {
  if (isTablecastError(error)) return toFailure(error);
  const reason = error instanceof Error ? error.message : String(error);
  return {
    code: 'BACKEND_FAILED',
    message: `The projection failed: ${reason}`,
    hint: 'Report this as a defect; the target holds what it held before.',
    details: {},
    retryable: false,
  };
}
