import type { Recovery } from '../log/backend.ts';
import type { Environment } from '../environment.ts';
import { decodersOf } from '../reading/log-view.ts';
import { LogKeeper } from '../log/trimming/log-keeper.ts';
import type { OperationLog } from '../log/keeping/operation-log.ts';
import type { Origins } from '../log/operations/origin.ts';
import type { Wall } from '../log/operations/wall-clock.ts';
import type { SegmentStore } from '../log/keeping/segment-store.ts';
import { type Retention, retentionLimits } from './options.ts';
import type { CheckpointedLog } from '../projection/checkpoints/checkpointer.ts';
import type { Projection } from '../projection/projection.ts';

/** Makes the keeper of the old part of a node's durable log, with what the store remembers taken over. */
export function keeperOf(
  store: SegmentStore,
  recovery: Recovery,
  parts: {
    readonly environment: Environment;
    readonly wall: Wall;
    readonly retention: Retention | undefined;
    readonly projections: ReadonlyMap<string, Projection>;
    readonly origins: Origins;
    readonly minTrim: number | undefined;
  },
): LogKeeper {
  const { environment, wall, retention, minTrim } = parts;
  const keeper = new LogKeeper(store, {
    environment,
    wall,
    retention: retentionLimits(retention),
    decoderOf: decodersOf(parts),
    minTrim,
  });
  keeper.recover(recovery);
  return keeper;
}

/** A node's log as checkpoints of its durable tables see it. */
export function checkpointedLog(log: OperationLog, durable: SegmentStore): CheckpointedLog {
  return {
    get position() {
      log.seal();
      return durable.appended;
    },
    flush: () => log.flush([durable.name]),
  };
}
