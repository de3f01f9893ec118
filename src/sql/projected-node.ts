import type { Environment } from '../environment.ts';
import type { NodeEvent } from '../events.ts';
import type { BackendName } from '../schema/schema.ts';
import type { OperationLog } from '../log/keeping/operation-log.ts';
import type { Origins } from '../log/operations/origin.ts';
import type { Projection } from '../projection/projection.ts';
import type { AmongPeers, ReadPast } from './queries/read-past.ts';

/** The node whose tables are projected. */
export interface ProjectedNode {
  readonly environment: Environment;
  readonly log: OperationLog;
  readonly origins: Origins;
  readonly projections: ReadonlyMap<string, Projection>;
  /** The life that a store's tables are written in at present. */
  life(store: BackendName): string;
  report(this: void, event: NodeEvent): void;
  readonly past: ReadPast;
  /** Undefined of a node's file, which has no peers. */
  readonly among?: AmongPeers | undefined;
  /** The file that all tables are kept in; left out, none are. */
  readonly keepIn?: string | undefined;
}
