import type { Grant } from '../access/grant.ts';
import type { RowAnswer, RowRequest } from './wire/request-wire.ts';

/** Answers what a visitor asks of one row, under the rights that its credential gives. */
export interface Requests {
  /**
   * Does what is asked; a write is answered once it is as durable as the table's backend makes it. Never rejects:
   * what cannot be done is answered with a problem.
   */
  answer(request: RowRequest, grant: Grant): Promise<RowAnswer>;
}
