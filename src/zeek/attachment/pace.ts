import type { Environment, Timer } from '../../environment.ts';

/** Bytes after which Zeek is asked to say when it has handled them. */
const ECHO_BYTES = 512 * 1024;
/** Bounds the bytes that Zeek has not handled yet: at first, at least, and at most. */
const FIRST_WINDOW = 4 * 1024 * 1024;
const MIN_WINDOW = ECHO_BYTES;
const MAX_WINDOW = 32 * 1024 * 1024;
/** Zeek answers no sooner than it has handled what came before; beyond this it is asked again. */
const PATIENCE_MS = 2000;
/** A Zeek that has said nothing of itself for so long since it was sent something does not answer. */
const UNKNOWN_MS = 5000;

/** The parts are what keeping pace needs. */
export interface PaceParts {
  readonly environment: Environment;
  /** Asks Zeek to answer with a number once it has handled everything that was sent before. */
  ask(number: number): void;
  /** More may be sent. */
  freed(): void;
}

/**
 * Keeps what is on its way to Zeek within what Zeek takes: what it has not handled is bounded by a window, which
 * grows with each answer in time and is halved when none comes, or the connection breaks over what was on its way:
 * behind more than it takes in five seconds Zeek does not read our answers to its pings, and ends the connection.
 * After a while without a Zeek that answers nothing is held back.
 */
export class Pace {
  readonly #parts: PaceParts;
  #isKept = false;
  #isFree = false;
  #window = FIRST_WINDOW;
  #number = 0;
  /** Bytes sent before each question that is not answered yet. */
  readonly #asked = new Map<number, number>();
  #sent = 0;
  #handled = 0;
  #asking = 0;
  #timer: Timer | undefined;
  #unknown: Timer | undefined;

  constructor(parts: PaceParts) {
    this.#parts = parts;
  }

  /** Zeek answers. Idempotent. */
  keep(): void {
    if (this.#isKept) return;
    this.#isKept = true;
    this.#isFree = false;
    this.#unknown?.cancel();
    this.#unknown = undefined;
    if (this.#sent > this.#handled) this.#ask();
  }

  /** Another connection: nothing is on its way, and it is not known whether Zeek answers. */
  reset(): void {
    const isBroken = this.#sent > this.#handled;
    this.#window = isBroken ? Math.max(MIN_WINDOW, Math.min(FIRST_WINDOW, this.#window / 2)) : FIRST_WINDOW;
    this.#isKept = false;
    this.#isFree = false;
    this.#unknown?.cancel();
    this.#unknown = undefined;
    this.#asked.clear();
    this.#handled = this.#sent;
    this.#asking = this.#sent;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Says whether more has to wait until Zeek has handled what is on its way. */
  get isFull(): boolean {
    return !this.#isFree && this.#sent - this.#handled >= this.#window;
  }

  /** Bytes were sent. */
  sent(bytes: number): void {
    this.#sent += bytes;
    if (this.#isFree) this.#handled = this.#asking = this.#sent;
    else if (!this.#isKept)
      this.#unknown ??= this.#parts.environment.schedule(UNKNOWN_MS, () => this.#free());
    else if (this.#sent - this.#asking >= ECHO_BYTES) this.#ask();
  }

  #free(): void {
    this.#unknown = undefined;
    this.#isFree = true;
    const wasFull = this.#sent - this.#handled >= this.#window;
    this.#handled = this.#asking = this.#sent;
    if (wasFull) this.#parts.freed();
  }

  #ask(): void {
    this.#number += 1;
    this.#asking = this.#sent;
    this.#asked.set(this.#number, this.#sent);
    this.#timer ??= this.#parts.environment.schedule(PATIENCE_MS, () => this.#late());
    this.#parts.ask(this.#number);
  }

  /** Zeek has handled everything that was sent before a question. */
  answered(number: number): void {
    const handled = this.#asked.get(number);
    if (handled === undefined) return;
    const wasFull = this.isFull;
    for (const asked of this.#asked.keys()) if (asked <= number) this.#asked.delete(asked);
    this.#handled = handled;
    this.#window = Math.min(MAX_WINDOW, this.#window + ECHO_BYTES);
    this.#timer?.cancel();
    this.#timer =
      this.#asked.size === 0 ? undefined : this.#parts.environment.schedule(PATIENCE_MS, () => this.#late());
    if (wasFull && !this.isFull) this.#parts.freed();
  }

  /** The question or its answer was lost, or Zeek is busy. */
  #late(): void {
    this.#timer = undefined;
    this.#window = Math.max(MIN_WINDOW, this.#window / 2);
    this.#asked.clear();
    this.#ask();
  }
}
