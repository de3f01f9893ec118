/** Knows how far away a peer is, and how far its clock is ahead, in milliseconds; undefined until the peer has said it. */
export class PeerClock {
  #aheadMs: number | undefined;
  #roundTripMs: number | undefined;

  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Returns how far the peer's clock is ahead of this node's. */
  get offsetMs(): number | undefined {
    // What it said of its clock was on its way for half a round trip.
    return this.#aheadMs === undefined ? undefined : this.#aheadMs + (this.#roundTripMs ?? 0) / 2;
  }

  /** The peer said what its clock says. */
  said(theirs: number, now: number): void {
    if (Number.isFinite(theirs)) this.#aheadMs = theirs - now;
  }

  /** The peer said again what this node's clock said; returns whether it did. */
  echoed(ours: number, now: number): boolean {
    if (!Number.isFinite(ours)) return false;
    this.#roundTripMs = Math.max(0, now - ours);
    return true;
  }
}
