import type { Environment } from '../../environment.ts';

/** A clock that is found further ahead than the time that passed is not followed so far, within this: 1 minute. */
const MAX_STEP_MS = 60_000;
/** Clocks of two nodes that differ by no more agree: 5 minutes, by which operations may be ahead. */
const AGREEING_MS = 300_000;
/** A jump ahead that has stood for so long counts as a correction: 1 hour. */
const JUMP_STANDS_MS = 3_600_000;

/**
 * The wall says what the machine's clock says, and how much of it can be believed; both in milliseconds since
 * 1970.
 */
export interface Wall {
  now(): number;
  /** As {@link now}, without jumps ahead that the running process has seen and that may be taken back. */
  believed(): number;
}

/**
 * The machine's clock beside the time that passes. A jump ahead by more than a minute is told of, and not
 * believed before the clock of a peer whose word counts agrees or it has stood for an hour: till then times go on from before it. A clock
 * that goes back is followed at once, and may come back to where it was. Nothing is known of a clock that was
 * wrong when the process began.
 */
export class WallClock implements Wall {
  readonly #environment: Environment;
  readonly #jumped: (aheadMs: number) => void;
  /** A believed reading, and the time that had passed then. */
  #wallMs: number;
  #elapsedMs: number;
  /** Says when the present jump was seen; undefined while the clock is believed. */
  #jumpedAt: number | undefined;

  /** `jumped` is told once of each jump. */
  constructor(environment: Environment, jumped: (aheadMs: number) => void) {
    this.#environment = environment;
    this.#jumped = jumped;
    this.#wallMs = environment.now();
    this.#elapsedMs = environment.elapsed();
  }

  now(): number {
    return this.#environment.now();
  }

  believed(): number {
    const wall = this.#environment.now();
    const elapsed = this.#environment.elapsed();
    const expected = this.#wallMs + elapsed - this.#elapsedMs;
    if (wall > expected + MAX_STEP_MS && !this.#stands(elapsed, wall - expected)) return expected;
    this.#jumpedAt = undefined;
    if (wall > expected) {
      this.#wallMs = wall;
      this.#elapsedMs = elapsed;
    }
    return wall;
  }

  /** A peer's clock says a time: a jump to there is believed. */
  heard(timeMs: number): void {
    const wall = this.#environment.now();
    const elapsed = this.#environment.elapsed();
    const isLater = wall > this.#wallMs + elapsed - this.#elapsedMs;
    if (!isLater || Math.abs(wall - timeMs) > AGREEING_MS) return;
    this.#wallMs = wall;
    this.#elapsedMs = elapsed;
  }

  /** Returns whether a jump has stood long enough to be believed. */
  #stands(elapsed: number, aheadMs: number): boolean {
    if (this.#jumpedAt === undefined) {
      this.#jumpedAt = elapsed;
      this.#jumped(aheadMs);
    }
    return elapsed - this.#jumpedAt >= JUMP_STANDS_MS;
  }
}
