import type { Observable } from 'rxjs';
import type { NodeEvent } from '../events.ts';
import { HealthAnswers } from '../observability/health-answers.ts';
import type { ObservedNode } from '../observability/observed-node.ts';
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
  readonly health: HealthAnswers;
  readonly #node: ObservedNode;
  readonly #recent: TimedEvent[] = [];
  readonly #coming = new Emitter<TimedEvent>();
  readonly #subscription: { unsubscribe(): void };
  #numbered = 0;
  #looked: { readonly at: number; readonly position: number };
  #rate = 0;

  constructor(node: ObservedNode) {
    this.#node = node;
    this.health = new HealthAnswers(node);
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

  /** Remembers nothing any more. Idempotent. */
  stop(): void {
    this.#subscription.unsubscribe();
    this.health.stop();
    this.#coming.complete();
  }
}
