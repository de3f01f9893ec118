import type { Observable } from 'rxjs';
import type { Environment } from '../environment.ts';
import type { NodeEvent } from '../events.ts';
import type { Dispatcher } from '../projection/telling/dispatcher.ts';
import { Emitter } from '../work/emitter.ts';

/** Tells what happens to a node; what happens before it is open, its subscribers hear when it is. */
export class NodeEvents {
  readonly #emitter = new Emitter<NodeEvent>();
  readonly #environment: Environment;
  readonly #dispatcher: Dispatcher;
  #unheard: NodeEvent[] | undefined = [];

  constructor(environment: Environment, dispatcher: Dispatcher) {
    this.#environment = environment;
    this.#dispatcher = dispatcher;
  }

  get observable(): Observable<NodeEvent> {
    return this.#emitter.observable;
  }

  report(event: NodeEvent): void {
    if (this.#unheard === undefined) this.#dispatcher.emit(this.#emitter, event);
    else this.#unheard.push(event);
  }

  /** Reaches subscribers of the task that opened the node: not before it is open. */
  reportLater(event: NodeEvent): void {
    if (this.#unheard === undefined) this.#environment.defer(() => this.report(event));
    else this.#unheard.push(event);
  }

  /** The node is open, and whoever opened it can subscribe. */
  opened(): void {
    for (const event of this.#unheard?.splice(0) ?? []) this.#environment.defer(() => this.report(event));
    this.#unheard = undefined;
  }

  complete(): void {
    this.#emitter.complete();
  }
}
