import type { Observable, Subscription } from 'rxjs';
import { NODE_EVENT_CODES, type NodeEvent, type NodeEventCode } from '../events.ts';

/** The counts say how often each thing was told on `node.events`. */
export class EventCounts {
  readonly #counts: Map<NodeEventCode, number> = new Map(NODE_EVENT_CODES.map((code) => [code, 0]));
  readonly #subscription: Subscription;
  /** Those of severity `error`. */
  errors = 0;

  constructor(events: Observable<NodeEvent>) {
    this.#subscription = events.subscribe(({ code, severity }) => {
      this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
      if (severity === 'error') this.errors += 1;
    });
  }

  /** Returns every code, also of what never happened. */
  entries(): IterableIterator<[NodeEventCode, number]> {
    return this.#counts.entries();
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }
}
