import type { Environment } from '../../environment.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { Replica } from '../replica.ts';

/** Measures the clock of a peer, and hears of it. */
interface Heard {
  readonly environment: Environment;
  readonly tables: PeerTables;
  readonly replica: Pick<Replica, 'heardClock'>;
}

/** Knows how far away a peer is, and how far its clock is ahead, in milliseconds; undefined until the peer has said it. */
export class PeerClock {
  readonly #on: Heard;
  #aheadMs: number | undefined;
  #roundTripMs: number | undefined;

  constructor(on: Heard) {
    this.#on = on;
  }

  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Returns how far the peer's clock is ahead of this node's. */
  get offsetMs(): number | undefined {
    // What it said of its clock was on its way for half a round trip.
    return this.#aheadMs === undefined ? undefined : this.#aheadMs + (this.#roundTripMs ?? 0) / 2;
  }

  /** The peer said what its clock says; what this node's is believed concerns all its tables, and so who writes all. */
  said(theirs: number): void {
    const { environment, tables, replica } = this.#on;
    if (Number.isFinite(theirs)) this.#aheadMs = theirs - environment.now();
    if (tables.grant.writesAll) replica.heardClock(theirs);
  }

  /** The peer said again what this node's clock said; returns whether it did. */
  echoed(ours: number): boolean {
    if (!Number.isFinite(ours)) return false;
    this.#roundTripMs = Math.max(0, this.#on.environment.now() - ours);
    return true;
  }
}
