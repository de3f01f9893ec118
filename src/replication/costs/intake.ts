import type { Environment, Timer } from '../../environment.ts';
import { TablecastError } from '../../errors.ts';
import type { InTurn, Turns } from '../../work/turns.ts';

/** Most bytes of frames that wait because their peer sends too fast. An honest one stops at its window before. */
const MAX_WAITING_BYTES: number = 16 * 1024 * 1024;
/** Bounds what waits before nothing more is read from the peer's socket, until so little does. */
const PAUSE_BYTES: number = 1024 * 1024;
const RESUME_BYTES: number = 256 * 1024;
/** Counted per frame beside its bytes, so that small frames are bounded as well. */
const FRAME_OVERHEAD_BYTES = 128;
/** Tokens come back for at most this long, and for none when the clock went back. */
const LONGEST_REFILL_MS = 1000;
/** Bytes that a peer may make this node send, to whomever, beyond eight for each that it sends: at once, and per second. */
const MAX_ANSWERED_BYTES: number = 4 * 1024 * 1024;
const ANSWERED_BYTES_PER_SECOND: number = 1024 * 1024;
const ANSWERED_PER_BYTE = 8;

/** The limits bound what is taken from one peer in a second, on average. So much may come at once. */
export interface IntakeLimits {
  readonly operationsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** The parts are what an intake needs of its session: where frames go, and who is told of those that come too fast. */
export interface IntakeParts {
  readonly environment: Environment;
  readonly limits: IntakeLimits;
  /** The turns of the node, shared with its other peers. */
  readonly turns: Turns;
  /** Names who holds the credential that the peer shows: what waits is shared among holders. */
  holder(): string;
  /** Handles a frame; counts what it costs on the way. */
  take(frame: Uint8Array): void;
  /** Frames have to wait, for the first time. */
  throttled(): void;
  /** More waits than may. */
  overrun(error: TablecastError): void;
  /** Returns whether more is to be read from the peer's socket. */
  flow(isWanted: boolean): void;
}

/**
 * The only way in for a peer's frames: one by one, in their order. Each is charged with what it costs: units of the
 * node's turn, and tokens of three buckets (operations, bytes that come, bytes that go out because of it). What
 * cannot be paid waits, in a queue with a bound; then nothing is read from the socket any more.
 */
export class Intake implements InTurn {
  readonly #parts: IntakeParts;
  #operations: number;
  #bytes: number;
  #answers: number = MAX_ANSWERED_BYTES;
  #filledAt: number;
  /** Those before `#next` are gone already. */
  #waiting: Uint8Array[] = [];
  #next = 0;
  #waitingBytes = 0;
  #isPaused = false;
  #timer: Timer | undefined;
  #wasThrottled = false;
  #holds = 0;
  #inTurn = false;
  #stopped = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#operations = parts.limits.operationsPerSecond;
    this.#bytes = parts.limits.bytesPerSecond;
    this.#filledAt = parts.environment.elapsed();
  }

  get holder(): string {
    return this.#parts.holder();
  }

  /** Says whether it is this side that reads nothing from the peer at present. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** True while something that has come is not taken in yet, or is worked on. */
  get isBehind(): boolean {
    return this.#holds > 0 || this.#hasWaiting;
  }

  /** Takes a frame now, or after those that wait. */
  offer(frame: Uint8Array): void {
    if (this.#stopped) return;
    if (!this.#hasWaiting && !this.#inTurn && this.#isFree && this.#parts.turns.open) return this.#let(frame);
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length + FRAME_OVERHEAD_BYTES;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.stop();
      this.#parts.overrun(tooFast());
    } else {
      this.#flow();
      this.#wait();
    }
  }

  /** Work was done because of what the peer sent. */
  spend(units: number): void {
    this.#parts.turns.spend(units);
  }

  /** As {@link spend}, for what the peer makes again and again with little: it is counted like answers, too. */
  charge(units: number): void {
    this.spend(units);
    this.countAnswer(units);
  }

  countOperations(operations: number): void {
    this.#operations -= operations;
    this.spend(operations / 4);
  }

  /** Bytes were sent, to whomever, because of what the peer sent. */
  countAnswer(bytes: number): void {
    this.#answers -= bytes;
  }

  /** Lets nothing in until {@link release}: what has come is still being worked on. Calls nest. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    if (--this.#holds === 0 && this.#hasWaiting) this.#wait();
  }

  /** Forgets what waits. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#parts.turns.leave(this);
    this.#waiting = [];
    this.#next = 0;
    this.#waitingBytes = 0;
  }

  /** Takes the next frame that waits, as {@link Turns} asks for it. */
  next(): boolean {
    this.#inTurn = false;
    if (this.#stopped || !this.#hasWaiting) return false;
    if (this.#isFree) {
      const frame = this.#waiting[this.#next++] as Uint8Array;
      this.#waitingBytes -= frame.length + FRAME_OVERHEAD_BYTES;
      this.#let(frame);
      this.#tidy();
    }
    if (this.#stopped || !this.#hasWaiting) return false;
    if (this.#isFree) this.#inTurn = true;
    else this.#wait();
    return this.#inTurn;
  }

  get #hasWaiting(): boolean {
    return this.#next < this.#waiting.length;
  }

  get #isPaid(): boolean {
    return this.#operations > 0 && this.#bytes > 0 && this.#answers > 0;
  }

  get #isFree(): boolean {
    return this.#holds === 0 && this.#isPaid;
  }

  #let(frame: Uint8Array): void {
    this.#bytes -= frame.length + FRAME_OVERHEAD_BYTES;
    this.#answers = Math.min(MAX_ANSWERED_BYTES, this.#answers + frame.length * ANSWERED_PER_BYTE);
    this.#parts.take(frame);
    if (!this.#isPaid) this.#refill();
  }

  /** Lets go of what was taken once it is as much as what still waits. */
  #tidy(): void {
    this.#flow();
    if (this.#next * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
  }

  #flow(): void {
    const isPaused = this.#waitingBytes > (this.#isPaused ? RESUME_BYTES : PAUSE_BYTES);
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.#parts.flow(!isPaused);
  }

  #refill(): void {
    const now = this.#parts.environment.elapsed();
    const elapsed = Math.min(now - this.#filledAt, LONGEST_REFILL_MS) / 1000;
    const { operationsPerSecond, bytesPerSecond } = this.#parts.limits;
    this.#filledAt = now;
    this.#operations = Math.min(operationsPerSecond, this.#operations + elapsed * operationsPerSecond);
    this.#bytes = Math.min(bytesPerSecond, this.#bytes + elapsed * bytesPerSecond);
    this.#answers = Math.min(MAX_ANSWERED_BYTES, this.#answers + elapsed * ANSWERED_BYTES_PER_SECOND);
  }

  /** Waits for a turn of the node, or for tokens; a frame that is held waits for neither. */
  #wait(): void {
    if (this.#timer !== undefined || this.#holds > 0 || this.#inTurn) return;
    if (this.#isPaid) {
      this.#inTurn = true;
      this.#parts.turns.wait(this);
      return;
    }
    if (!this.#wasThrottled) {
      this.#wasThrottled = true;
      this.#parts.throttled();
    }
    this.#timer = this.#parts.environment.schedule(this.#delayMs, () => {
      this.#timer = undefined;
      this.#refill();
      this.#wait();
    });
  }

  get #delayMs(): number {
    const { operationsPerSecond, bytesPerSecond } = this.#parts.limits;
    const debts = [
      -this.#operations / operationsPerSecond,
      -this.#bytes / bytesPerSecond,
      -this.#answers / ANSWERED_BYTES_PER_SECOND,
    ];
    return Math.min(LONGEST_REFILL_MS, Math.max(1, Math.ceil(Math.max(...debts) * 1000)));
  }
}

function tooFast(): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `A peer sends faster than it may, and more than ${MAX_WAITING_BYTES} bytes of it wait.`,
    {
      hint: 'Raise limits.maxOperationsPerSecond or limits.maxBytesPerSecond if the peer is trusted.',
      details: { limit: MAX_WAITING_BYTES },
    },
  );
}
