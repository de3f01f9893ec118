import type { Environment, Timer } from '../../environment.ts';

/** A peer that has not said hello by then gives its place to others. */
const HELLO_MS = 10_000;
const PING_MS = 5000;
/** A peer that says nothing while this many pings go out is lost. Counted, because clocks jump. */
const SILENT_PINGS = 3;

/** The parts are a session, as its heartbeat acts on it. */
export interface HeartbeatParts {
  readonly environment: Environment;
  ping(time: number): void;
  /** Returns whether this side reads at present; while it does not, nothing can be heard. */
  listens(): boolean;
  /** Nothing was heard for too long; for people. */
  silent(what: string): void;
}

/** Finds out that a peer is gone although its connection does not say so. */
export class Heartbeat {
  readonly #parts: HeartbeatParts;
  #timer: Timer | undefined;
  #helloTimer: Timer | undefined;
  #unanswered = 0;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#helloTimer = this.#parts.environment.schedule(HELLO_MS, () => {
      this.#parts.silent(`No hello within ${HELLO_MS} ms.`);
    });
    this.#beat();
  }

  /** The peer said hello. */
  greeted(): void {
    this.#helloTimer?.cancel();
  }

  #beat(): void {
    const { environment } = this.#parts;
    this.#timer = environment.schedule(PING_MS, () => {
      if (this.#parts.listens() && this.#unanswered++ >= SILENT_PINGS)
        return this.#parts.silent(`Nothing heard for ${SILENT_PINGS * PING_MS} ms.`);
      this.#parts.ping(environment.now());
      this.#beat();
    });
  }

  /** The peer sent something. */
  heard(): void {
    this.#unanswered = 0;
  }

  stop(): void {
    this.#helloTimer?.cancel();
    this.#timer?.cancel();
  }
}
