import { ANNOUNCED, Account, COMPARED } from '../costs/account.ts';
import { CHECKPOINTS } from './incoming.ts';

/** Holds the accounts of what a node keeps of its peers. */
export class Accounts {
  /** Counts what is kept of what peers say of themselves. */
  readonly announced: Account = new Account(ANNOUNCED);
  /** Counts what is kept of checkpoints that have not ended. */
  readonly checkpoints: Account = new Account(CHECKPOINTS);
  /** Counts the rows that are kept to be compared. */
  readonly compares: Account = new Account(COMPARED);
}
