import type { Grant } from '../access/grant.ts';
import type { RowAnswer, RowRequest } from './wire/request-wire.ts';

/** Who asks: with which rights, and whether nobody waits for the answer any more. */
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
