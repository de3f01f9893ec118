import type { Subject } from 'rxjs';
import type { HybridClock } from '../log/hybrid-clock.ts';
import type { Journal } from '../log/journal.ts';
import type { Operation } from '../log/operation.ts';
import type { Origins } from '../log/origin.ts';
import type { Dispatcher } from './dispatcher.ts';

/** What every projection of a node shares. */
export interface ProjectionContext {
  readonly origins: Origins;
  readonly clock: HybridClock;
  readonly dispatcher: Dispatcher;
  readonly journal: Journal;
  /** Live operations of the whole node. */
  readonly operations: Subject<Operation>;
  /** Drawn anew each time the node opens. */
  readonly session: number;
}
