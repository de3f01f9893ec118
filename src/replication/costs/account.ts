import { TablecastError } from '../../errors.ts';

/** The limits bound how much may be kept, in bytes. */
export interface AccountLimits {
  /** Says what is counted, for people. */
  readonly what: string;
  /** Bounds what is kept of one peer, as `ofAll` does of all together. */
  readonly ofPeer: number;
  readonly ofAll: number;
}

/** Bounds what is kept of what peers say of their tables, and of what comes to them from elsewhere. */
export const ANNOUNCED: AccountLimits = {
  what: 'what is said of tables',
  ofPeer: 32 * 1024 * 1024,
  ofAll: 256 * 1024 * 1024,
};

/** Rows of peers that came to be compared, and are not yet. */
export const COMPARED: AccountLimits = {
  what: 'rows to compare',
  ofPeer: 256 * 1024 * 1024,
  ofAll: 512 * 1024 * 1024,
};

/** A peer of which something is kept. */
export interface Debtor {
  /** Names the holder whose credential it shows; peers of one holder share what they may keep. */
  readonly holder: string;
  /** Is called when it has kept too much: it has to go. */
  tooMuch(error: TablecastError): void;
}

/**
 * An account holds what a node keeps of its peers because they said so. One peer that keeps too much goes;
 * when all together do, of the holder that keeps most the peer that keeps most: so what one holder claims
 * leaves room for the others.
 */
export class Account {
  readonly #limits: AccountLimits;
  readonly #kept = new Map<Debtor, number>();
  #total = 0;

  constructor(limits: AccountLimits) {
    this.#limits = limits;
  }

  /** So many bytes are kept of a peer now; with 0 it is forgotten. */
  set(peer: Debtor, bytes: number): void {
    this.#total += bytes - (this.#kept.get(peer) ?? 0);
    if (bytes > 0) this.#kept.set(peer, bytes);
    else this.#kept.delete(peer);
    if (bytes > this.#limits.ofPeer) this.#drop(peer, 'one peer', this.#limits.ofPeer);
    while (this.#total > this.#limits.ofAll) this.#drop(this.#largest(), 'all peers', this.#limits.ofAll);
  }

  #drop(peer: Debtor, who: string, limit: number): void {
    this.set(peer, 0);
    const { what } = this.#limits;
    peer.tooMuch(
      new TablecastError('LIMIT_EXCEEDED', `More than ${limit} bytes of ${what} would be kept of ${who}.`, {
        hint: 'Find out what that peer declares and sends; give nodes ids that come back, and split large tables.',
        details: { limit },
      }),
    );
  }

  #largest(): Debtor {
    const ofHolder = new Map<string, number>();
    for (const [{ holder }, bytes] of this.#kept) ofHolder.set(holder, (ofHolder.get(holder) ?? 0) + bytes);
    const [holder] = largestOf(ofHolder);
    return largestOf(new Map([...this.#kept].filter(([peer]) => peer.holder === holder)))[0];
  }
}

function largestOf<T>(sizes: ReadonlyMap<T, number>): [T, number] {
  return [...sizes].reduce((most, entry) => (entry[1] > most[1] ? entry : most));
}
