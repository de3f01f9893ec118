import type { Epoch } from '../log/operations/epoch.ts';
import type { VersionVector } from '../log/operations/version-vector.ts';
import type { ConflictMode } from '../modes/conflict-mode.ts';
import type { Schema } from '../schema/index.ts';
import type { Held } from './held/held.ts';
import type { Rows } from './rows/rows.ts';
import type { Versions } from './rows/versions.ts';
import type { Reporter } from './telling/reporter.ts';
import type { TableTimes } from './times/table-times.ts';

/** Says who of this node writes a table, as far as its other parts ask. */
interface WhoWrites {
  /** Number of the origin this node writes the table as; -1 while it does not. */
  readonly own: number;
  /** Returns whether this node writes the table as an origin. */
  writes(origin: number): boolean;
  /** Returns whether an origin is a life of this node, past or present. */
  isOwn(origin: number): boolean;
}

/** The switch of mode in force, as far as other parts ask of it. */
interface InForce {
  readonly epoch: Epoch;
  /** Is what had taken effect of each origin when the switch was made. */
  readonly base: VersionVector;
  readonly mode: ConflictMode;
  /** Returns what took effect of each origin under the present mode, or before the switch to it. */
  effective(): VersionVector;
}

/**
 * The state is the ground every part of a projection stands on: what a table holds, and under which switch.
 * It names no part that changes it: a part that needs another says so beside it, as `TableState & { effects }`.
 */
export interface TableState {
  readonly schema: Schema;
  readonly rows: Rows;
  readonly reporter: Reporter;
  readonly held: Held;
  readonly versions: Versions;
  readonly times: TableTimes;
  readonly authors: WhoWrites;
  readonly inForce: InForce;
}
