import type { Observable } from 'rxjs';
import type { NodeEvent } from '../events.ts';
import { type DiskSizes, diskSizes } from '../observability/disk-sizes.ts';
import { EventCounts } from '../observability/event-counts.ts';
import type { Metric } from '../observability/exposition.ts';
import { readMetrics } from '../observability/metrics.ts';
import type { ObservedNode } from '../observability/observed-node.ts';
import { ReadinessCheck } from '../observability/readiness.ts';
import { Sampler } from '../observability/sampler.ts';
import { Emitter } from '../work/emitter.ts';

/** So many of the latest events are told to who begins to follow them. */
const RECENT_EVENTS = 256;
/** A rate of the log is that of so long at least, in milliseconds. */
const RATE_MS = 1000;

/** An event, with its number in this life of the node and the time at which it was told. */
export interface TimedEvent {
  readonly number: number;
  readonly time: number;
  readonly event: NodeEvent;
}

/** Describes what is remembered of a node so as to answer those who operate it. */
export class Observation {
  readonly readiness: ReadinessCheck;
  readonly #node: ObservedNode;
  readonly #counts: EventCounts;
  readonly #sampler: Sampler;
  readonly #recent: TimedEvent[] = [];
  readonly #coming = new Emitter<TimedEvent>();
  readonly #subscription: { unsubscribe(): void };
  #numbered = 0;
  #looked: { readonly at: number; readonly position: number };
  #rate = 0;

  constructor(node: ObservedNode) {
    this.#node = node;
    this.readiness = new ReadinessCheck(node);
    this.#counts = new EventCounts(node.events);
    this.#sampler = new Sampler(() => node.disk());
    this.#looked = { at: performance.now(), position: node.position };
    this.#subscription = node.events.subscribe((event) => this.#take(event));
  }

  #take(event: NodeEvent): void {
    const timed = { number: ++this.#numbered, time: Date.now(), event };
    this.#recent.push(timed);
    if (this.#recent.length > RECENT_EVENTS) this.#recent.shift();
    this.#coming.next(timed);
  }

  /** Events behind a number, as far as they are remembered, and those to come. */
  eventsAfter(number: number): {
    readonly recent: readonly TimedEvent[];
    readonly coming: Observable<TimedEvent>;
  } {
    return { recent: this.#recent.filter((timed) => timed.number > number), coming: this.#coming.observable };
  }

  /** Operations that went into the log lately, by the second. */
  operationsPerSecond(): number {
    const now = performance.now();
    const { at, position } = this.#looked;
    if (now - at < RATE_MS) return this.#rate;
    this.#rate = ((this.#node.position - position) * 1000) / (now - at);
    this.#looked = { at: now, position: this.#node.position };
    return this.#rate;
  }

  /** Sizes of the database and its disk; undefined for a node without a directory. */
  async sizes(): Promise<DiskSizes | undefined> {
    const file = this.#node.disk()?.file;
    return file === undefined ? undefined : diskSizes(file);
  }

  async metrics(): Promise<readonly Metric[]> {
    const { ready } = this.readiness.now();
    const sizes = await this.sizes();
    return readMetrics({ node: this.#node, events: this.#counts, sampler: this.#sampler, sizes, ready });
  }

  /** Remembers nothing any more. Idempotent. */
  stop(): void {
    this.#subscription.unsubscribe();
    this.#counts.stop();
    this.#sampler.stop();
    this.#coming.complete();
  }
}
