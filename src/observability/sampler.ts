import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { ObservedDisk } from './observed-node.ts';

const SAMPLE_MS = 1000;
/** The longest delay is told of the last one to two such rounds. */
const ROUND_SAMPLES = 15;
const RESOLUTION_MS = 20;
const NS_PER_SECOND = 1e9;

/**
 * Looks once per second at what no state remembers: how long the oldest write has waited for the disk, and
 * how long the event loop was kept from coming round. What is written pays nothing for it.
 */
export class Sampler {
  readonly #disk: () => ObservedDisk | undefined;
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  #samples = 0;
  #longestBefore = 0;
  #waiting: { readonly position: number; readonly since: number } | undefined;

  constructor(disk: () => ObservedDisk | undefined) {
    this.#disk = disk;
    this.#delay.enable();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
    this.#timer.unref();
  }

  /** Seconds for which the oldest write has waited at least; right to within two seconds, 0 when none waits. */
  get oldestUnsyncedSeconds(): number {
    this.#look();
    return this.#waiting === undefined ? 0 : (performance.now() - this.#waiting.since) / 1000;
  }

  /** Returns the longest delay of the event loop in the last 15 to 30 seconds. */
  get eventLoopDelaySeconds(): number {
    const beyond = Math.max(0, this.#delay.max / NS_PER_SECOND - RESOLUTION_MS / 1000);
    return Math.max(this.#longestBefore, Number.isFinite(beyond) ? beyond : 0);
  }

  #sample(): void {
    this.#look();
    this.#samples += 1;
    if (this.#samples % ROUND_SAMPLES !== 0) return;
    this.#longestBefore = 0;
    this.#longestBefore = this.eventLoopDelaySeconds;
    this.#delay.reset();
  }

  #look(): void {
    const disk = this.#disk();
    if (disk === undefined || disk.committed >= disk.appended) this.#waiting = undefined;
    else if (this.#waiting === undefined || disk.committed >= this.#waiting.position) {
      this.#waiting = { position: disk.appended, since: performance.now() };
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }
}
