import type { Grant } from '../access/grant.ts';
import type { RowAnswer, RowRequest } from './wire/request-wire.ts';

/** An asker has rights, and may have gone before the answer. */
export interface Asking {
  readonly grant: Grant;
  isGone(this: void): boolean;
}

/** Answers what a visitor asks, under the rights that its credential gives. */
export interface Requests {
  /**
   * Does what is asked; a write is answered once it is as durable as the table's backend makes it. Never rejects:
   * what cannot be done is answered with a problem.
   */
  answer(request: RowRequest, asking: Asking): Promise<RowAnswer>;
}
