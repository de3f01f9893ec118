/**
 * Units of messages that a node handles in one turn of its event loop, of all peers together: about 8 ms. The
 * message that passes it is handled to its end, so that the dearest message there may be comes on top.
 */
export const TURN_UNITS = 8192;

/** Runs a task in a later turn of the event loop. */
interface Deferring {
  defer(task: () => void): void;
}

/** A session is in turn when it has messages that wait for one. */
export interface InTurn {
  /** Names who pays for it: a holder has one share, however many peers it has. */
  readonly holder: string;
  /** Handles one message, if one may be handled; whether another one could be now. */
  next(): boolean;
}

/**
 * Shares the turns of a node's event loop among the holders of credentials that wait, of each one message and then
 * again; and the share of a holder among its peers. So nobody gets more by coming more often.
 */
export class Turns {
  readonly #environment: Deferring;
  /** By holder; those of one stay empty until it is their turn. */
  readonly #waiting = new Map<string, Set<InTurn>>();
  #left = TURN_UNITS;
  #due = false;

  constructor(environment: Deferring) {
    this.#environment = environment;
  }

  /** Says whether another message may be handled in this turn. */
  get open(): boolean {
    return this.#left > 0;
  }

  /** Something was done for a peer. */
  spend(units: number): void {
    this.#left -= units;
    if (this.#left <= 0) this.#later();
  }

  /** Gives somebody a turn, later, behind those who wait. */
  wait(who: InTurn): void {
    const peers = this.#waiting.get(who.holder);
    if (peers === undefined) this.#waiting.set(who.holder, new Set([who]));
    else peers.add(who);
    this.#later();
  }

  /** Somebody is not there any more. */
  leave(who: InTurn): void {
    // Who it is may have come out since it began to wait.
    for (const peers of this.#waiting.values()) peers.delete(who);
  }

  #later(): void {
    if (this.#due) return;
    this.#due = true;
    this.#environment.defer(() => {
      this.#due = false;
      this.#left = TURN_UNITS;
      this.#goOn();
    });
  }

  #goOn(): void {
    // A holder that goes on comes behind the others, and is met again by this loop: a map goes on with what is added.
    for (const [holder, peers] of this.#waiting) {
      if (!this.open) break;
      this.#giveTurn(peers);
      this.#waiting.delete(holder);
      if (peers.size > 0) this.#waiting.set(holder, peers);
    }
    if (this.#waiting.size > 0) this.#later();
  }

  #giveTurn(peers: Set<InTurn>): void {
    const [first] = peers;
    if (first === undefined) return;
    peers.delete(first);
    if (first.next()) peers.add(first);
  }
}
