import type { Environment } from '../../environment.ts';

/**
 * Units of messages that a node handles in one turn of its event loop, of all peers together: about 8 ms. The
 * message that passes it is handled to its end, so that the dearest message there may be comes on top.
 */
export const TURN_UNITS = 8192;

/** A session is in turn when it has messages that wait for one. */
export interface InTurn {
  /** Handles one message, if one may be handled; whether another one could be now. */
  next(): boolean;
}

/** Shares the turns of a node's event loop among its peers: of everybody who waits one message, then again. */
export class Turns {
  readonly #environment: Pick<Environment, 'defer'>;
  readonly #waiting = new Set<InTurn>();
  #left = TURN_UNITS;
  #due = false;

  constructor(environment: Pick<Environment, 'defer'>) {
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
    this.#waiting.add(who);
    this.#later();
  }

  /** Somebody is not there any more. */
  leave(who: InTurn): void {
    this.#waiting.delete(who);
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
    // A session that goes on comes behind the others, and is met again by this loop: a set goes on with what is added.
    for (const who of this.#waiting) {
      if (!this.open) break;
      this.#waiting.delete(who);
      if (who.next()) this.#waiting.add(who);
    }
    if (this.#waiting.size > 0) this.#later();
  }
}
