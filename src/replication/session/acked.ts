import { PeerHoldings } from '../peers/peer-holdings.ts';
import type { WantedOperation } from '../wire/holding-wire.ts';
import type { Acknowledged } from './acknowledgements.ts';

/** Remembers what a peer has acknowledged of what it was sent, and what it says it holds. */
export class Acked implements Acknowledged {
  readonly holding: PeerHoldings;
  bytes = 0;
  operations = 0;
  durable: number | undefined;
  problem: string | undefined;

  constructor(ask: (wants: readonly WantedOperation[]) => void) {
    this.holding = new PeerHoldings(ask);
  }

  /**
   * Takes an acknowledgement in. What was never sent counts for nothing, and what is said again neither. Returns
   * whether it says anything new.
   */
  take(said: Acknowledged, sent: { readonly bytes: number; readonly operations: number }): boolean {
    const isNews = this.holding.heard(said.holds);
    const bytes = Math.min(said.bytes, sent.bytes);
    if (bytes <= this.bytes && said.durable === this.durable && said.problem === this.problem) return isNews;
    this.bytes = Math.max(this.bytes, bytes);
    this.operations = Math.max(this.operations, Math.min(said.operations, sent.operations));
    this.durable = said.durable;
    this.problem = said.problem;
    return true;
  }
}
