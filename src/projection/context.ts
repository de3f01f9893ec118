import type { Emitter } from '../work/emitter.ts';
import type { ModeName } from '../log/operations/epoch.ts';
import type { Journal } from '../log/keeping/journal.ts';
import type { Operation } from '../log/operations/operation.ts';
import type { Origins } from '../log/operations/origin.ts';
import type { Wall } from '../log/operations/wall-clock.ts';
import type { ConflictMode } from '../modes/conflict-mode.ts';
import type { Dispatcher } from './telling/dispatcher.ts';

/** The context is what every projection of a node shares. */
export interface ProjectionContext {
  readonly origins: Origins;
  readonly wall: Wall;
  readonly dispatcher: Dispatcher;
  readonly journal: Journal;
  /** A conflict mode by its name. Throws `DECLARATION_INVALID` for one this version does not have. */
  readonly modeOf: (table: { readonly name: string; readonly mode: ModeName }) => ConflictMode;
  /** Live operations of the whole node. */
  readonly operations: Emitter<Operation>;
  /** Says whether an origin is a life of this node, past or present; left out, none is. */
  readonly isOwn?: ((origin: number) => boolean) | undefined;
  /** Drawn anew each time the node opens. */
  readonly session: number;
}
