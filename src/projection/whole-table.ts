import type { Schema } from '../schema/index.ts';
import type { Effects } from './folding/effects.ts';
import type { FoldOfOthers } from './folding/fold-of-others.ts';
import type { SwitchInForce } from './switching/switch-in-force.ts';
import type { TableState } from './table-state.ts';
import type { Authors } from './writing/authors.ts';
import type { LocalWrites } from './writing/local-writes.ts';

/**
 * A table with all of its parts, for rooms that work on it as a whole: checkpoints, comparing, replay. Types only:
 * the projection puts it together, and nothing beneath names the projection.
 */
export interface WholeTable extends TableState {
  /** Says how the table was declared last. */
  readonly schema: Schema;
  readonly effects: Effects;
  readonly authors: Authors;
  readonly inForce: SwitchInForce;
  readonly local: LocalWrites;
  readonly fold: FoldOfOthers;
  /** Another number when rows changed without an operation that is new here: a state may then have other rows. */
  revision: number;
  readonly store: string;
  /** Keeps slots as they are numbered until the returned function is called. */
  keepSlots(): () => void;
  /** Forgets removed keys that nothing refers to any more, when they have become many. */
  compact(): void;
}
