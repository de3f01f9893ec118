import type { Environment, Timer } from '../environment.ts';
import { TablecastError } from '../errors.ts';
import type { ComparisonMessage } from './comparison-wire.ts';

/** Most bytes of frames that wait because their peer sends too fast. An honest one stops at its window before. */
const MAX_WAITING_BYTES: number = 16 * 1024 * 1024;
/** Counted per frame beside its bytes, so that small frames are bounded as well. */
const FRAME_OVERHEAD_BYTES = 128;
/** Messages that cost by what this node holds, not by their bytes, that are answered in one turn. */
const QUESTIONS_PER_TURN = 4;
/** Of frames that waited, so many bytes are taken in one turn: others have theirs. */
const WAITED_BYTES_PER_TURN: number = 256 * 1024;
/** Tokens come back for at most this long, and for none when the clock went back. */
const LONGEST_REFILL_MS = 1000;

/** What is taken from one peer in a second, on average. So much may come at once. */
export interface IntakeLimits {
  readonly operationsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Where frames go, and what is told of those that come too fast. */
export interface IntakeOwner {
  /** Handles a frame; counts what it costs on the way. */
  take(frame: Uint8Array): void;
  /** Frames have to wait, for the first time. */
  throttled(): void;
  /** More waits than may. */
  overrun(error: TablecastError): void;
}

/** Lets a peer's frames in at a bounded rate, in their order: two token buckets, and a queue with a bound. */
export class Intake {
  readonly #environment: Environment;
  readonly #limits: IntakeLimits;
  readonly #owner: IntakeOwner;
  #operations: number;
  #bytes: number;
  #questions = QUESTIONS_PER_TURN;
  #turnDue = false;
  #filledAt: number;
  /** Those before `#next` are gone already. */
  #waiting: Uint8Array[] = [];
  #next = 0;
  #waitingBytes = 0;
  #timer: Timer | undefined;
  #wasThrottled = false;
  #holds = 0;
  #restDue = false;
  #stopped = false;

  constructor(environment: Environment, limits: IntakeLimits, owner: IntakeOwner) {
    this.#environment = environment;
    this.#limits = limits;
    this.#owner = owner;
    this.#operations = limits.operationsPerSecond;
    this.#bytes = limits.bytesPerSecond;
    this.#filledAt = environment.now();
  }

  /** Takes a frame now, or after those that wait. */
  offer(frame: Uint8Array): void {
    if (this.#stopped) return;
    if (!this.#hasWaiting && this.#open && !this.#restDue) return this.#let(frame);
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length + FRAME_OVERHEAD_BYTES;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.stop();
      this.#owner.overrun(tooFast());
    } else {
      this.#wait();
    }
  }

  countOperations(operations: number): void {
    this.#operations -= operations;
  }

  /** Counts a message of a comparison that makes this node look at its rows. */
  countCompared({ type }: ComparisonMessage): void {
    if (type !== 'ask' && type !== 'digest') return;
    this.#questions--;
    if (this.#turnDue) return;
    this.#turnDue = true;
    this.#environment.defer(() => {
      this.#turnDue = false;
      this.#questions = QUESTIONS_PER_TURN;
      this.#goOn();
    });
  }

  /** Lets nothing in until {@link release}: what has come is still being worked on. Calls nest. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    if (--this.#holds === 0) this.#goOnLater();
  }

  /** Forgets what waits. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#waiting = [];
    this.#next = 0;
    this.#waitingBytes = 0;
  }

  get #hasWaiting(): boolean {
    return this.#next < this.#waiting.length;
  }

  get #open(): boolean {
    return this.#holds === 0 && this.#operations > 0 && this.#bytes > 0 && this.#questions > 0;
  }

  #let(frame: Uint8Array): void {
    this.#bytes -= frame.length + FRAME_OVERHEAD_BYTES;
    this.#owner.take(frame);
    if (this.#operations <= 0 || this.#bytes <= 0) this.#refill();
  }

  #refill(): void {
    const now = this.#environment.now();
    const elapsed = Math.min(Math.max(0, now - this.#filledAt), LONGEST_REFILL_MS) / 1000;
    const { operationsPerSecond, bytesPerSecond } = this.#limits;
    this.#filledAt = now;
    this.#operations = Math.min(operationsPerSecond, this.#operations + elapsed * operationsPerSecond);
    this.#bytes = Math.min(bytesPerSecond, this.#bytes + elapsed * bytesPerSecond);
  }

  #wait(): void {
    if (this.#timer !== undefined || this.#questions <= 0 || this.#holds > 0 || this.#restDue) return;
    if (!this.#wasThrottled) {
      this.#wasThrottled = true;
      this.#owner.throttled();
    }
    const { operationsPerSecond, bytesPerSecond } = this.#limits;
    const debt = Math.max(-this.#operations / operationsPerSecond, -this.#bytes / bytesPerSecond, 0);
    const delayMs = Math.min(LONGEST_REFILL_MS, Math.max(1, Math.ceil(debt * 1000)));
    this.#timer = this.#environment.schedule(delayMs, () => {
      this.#timer = undefined;
      this.#refill();
      this.#goOn();
    });
  }

  #goOnLater(): void {
    if (!this.#hasWaiting || this.#restDue) return;
    this.#restDue = true;
    this.#environment.defer(() => {
      this.#restDue = false;
      this.#goOn();
    });
  }

  #goOn(): void {
    let left = WAITED_BYTES_PER_TURN;
    while (this.#hasWaiting && this.#open && left > 0 && !this.#stopped) {
      const frame = this.#waiting[this.#next++] as Uint8Array;
      const bytes = frame.length + FRAME_OVERHEAD_BYTES;
      this.#waitingBytes -= bytes;
      left -= bytes;
      this.#let(frame);
    }
    if (this.#stopped) return;
    if (left <= 0 && this.#open) this.#goOnLater();
    // What was taken is let go once it is as much as what still waits.
    if (this.#next * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    if (this.#hasWaiting) this.#wait();
  }
}

function tooFast(): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `A peer sends faster than it may, and more than ${MAX_WAITING_BYTES} bytes of it wait.`,
    { hint: 'Raise limits.maxOperationsPerSecond or limits.maxBytesPerSecond if the peer is trusted.' },
  );
}
