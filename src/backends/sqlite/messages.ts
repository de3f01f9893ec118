import type { Recovery } from '../../log/backend.ts';
import type { Durability } from './connection.ts';
import type { Failure } from '../../errors.ts';
import type { CommitsMessage, CommitsRequest } from './packed-commits.ts';

/** The options are what the writing side needs to open its file; plain data, which crosses a thread. */
export interface StoreOptions {
  readonly file: string;
  readonly durability: Durability;
  readonly owner: string;
  readonly intervalMs: number;
  readonly failureMode: 'refuse' | 'delete';
  readonly maxFileBytes: number | undefined;
  readonly blockBytes: number;
}

/** A start is what the writing thread is given to begin with. */
export interface WorkerStart {
  readonly options: StoreOptions;
  /** The memory of its mailbox. */
  readonly shared: SharedArrayBuffer;
}

/** Some chunks of a checkpoint that is not visible before it is published. */
export interface ChunksRequest {
  readonly kind: 'chunks';
  readonly id: number;
  readonly generation: number;
  readonly first: number;
  readonly chunks: readonly Uint8Array[];
}

/** Makes the chunks of a generation the table's checkpoint. */
export interface PublishRequest {
  readonly kind: 'publish';
  readonly id: number;
  readonly table: string;
  readonly position: number;
  readonly generation: number;
  readonly chunks: number;
}

/** Work in slices; the answer says whether there is more. `sweep` removes chunks nobody refers to. */
export interface SliceRequest {
  readonly kind: 'trim' | 'sweep';
  readonly id: number;
  /** For `trim`: forget segments up to here. Not used by `sweep`. */
  readonly position: number;
}

/** Seals one block of segments up to a position; the answer says whether there may be more. */
export interface SealRequest {
  readonly kind: 'seal';
  readonly id: number;
  readonly position: number;
}

/** Asks to which position to trim so that so many bytes of log remain. */
export interface MeasureRequest {
  readonly kind: 'measure';
  readonly id: number;
  readonly bytes: number;
}

/** Everything before it is done first; then the file is closed. */
export interface CloseRequest {
  readonly kind: 'close';
}

/** A request with an answer of its own. */
export type AnsweredRequest = ChunksRequest | PublishRequest | SliceRequest | SealRequest | MeasureRequest;

/** A request is what the calling side asks of the writing side; requests are handled strictly in order. */
export type Request = CommitsRequest | AnsweredRequest | CloseRequest;

/** A request as it crosses a thread; null asks to look into the mailbox. */
export type RequestMessage = CommitsMessage | AnsweredRequest | CloseRequest | null;

/** Says whether there may be more to do, or the position asked for. */
export interface Answer {
  readonly more: boolean;
  readonly position?: number | undefined;
}

/**
 * A reply is what the writing side says; across a thread a number stands for `committed` with that count.
 * `failed` with no id, and a rejection that is not retryable, are final.
 */
export type Reply =
  | { readonly kind: 'opened'; readonly recovery: Recovery; readonly generation: number }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'committed'; readonly count: number }
  | { readonly kind: 'rejected'; readonly generation: number; readonly failure: Failure }
  | { readonly kind: 'answered'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly id: number | undefined; readonly failure: Failure }
  | { readonly kind: 'closed'; readonly failure: Failure | undefined };

/** A reply as it crosses a thread. */
export type ReplyMessage = number | Exclude<Reply, { readonly kind: 'committed' }>;
