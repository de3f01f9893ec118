import type { Environment, Timer } from '../environment.ts';

const PING_MS = 5000;
/** A peer that says nothing while this many pings go out is lost. Counted, because clocks jump. */
const SILENT_PINGS = 3;

/** What a heartbeat does to its session. */
export interface HeartbeatOwner {
  readonly environment: Environment;
  ping(time: number): void;
  /** Whether this side reads at present; while it does not, nothing can be heard. */
  listens(): boolean;
  /** Nothing was heard for so many milliseconds. */
  silent(ms: number): void;
}

/** Finds out that a peer is gone although its connection does not say so. */
export class Heartbeat {
  readonly #owner: HeartbeatOwner;
  #timer: Timer | undefined;
  #unanswered = 0;

  constructor(owner: HeartbeatOwner) {
    this.#owner = owner;
  }

  start(): void {
    const { environment } = this.#owner;
    this.#timer = environment.schedule(PING_MS, () => {
      if (this.#owner.listens() && this.#unanswered++ >= SILENT_PINGS)
        return this.#owner.silent(SILENT_PINGS * PING_MS);
      this.#owner.ping(environment.now());
      this.start();
    });
  }

  /** The peer sent something. */
  heard(): void {
    this.#unanswered = 0;
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
