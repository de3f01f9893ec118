import { TablecastError, isTablecastError } from '../errors.ts';
import type { ModeName } from '../log/operations/epoch.ts';
import type { OperationLog } from '../log/keeping/operation-log.ts';
import type { Dispatcher } from '../projection/telling/dispatcher.ts';
import type { Projection } from '../projection/projection.ts';
import type { Replicator } from '../replication/replicator.ts';

/** The parts are what switching a mode needs of the node. */
export interface SwitchParts {
  readonly log: OperationLog;
  readonly dispatcher: Dispatcher;
  readonly replicator: Replicator;
  readonly inBatch: boolean;
}

/** Switches a table's conflict mode for the whole cluster; see {@link Table.switchMode}. */
export function switchMode(projection: Projection, mode: ModeName, parts: SwitchParts): void {
  const { log, dispatcher, replicator, inBatch } = parts;
  const { name } = projection.schema;
  // A mode with a document begins a new one; in others there is nothing to do.
  if (projection.inForce.mode.name === mode && projection.inForce.documents === undefined) return;
  if (inBatch) {
    throw new TablecastError(
      'OPTION_INVALID',
      `The mode of table ${name} was to be switched inside a batch.`,
      {
        hint: 'Call switchMode() before or after the batch.',
        details: { table: name },
      },
    );
  }
  // A subscriber's writes meanwhile are made under the new mode.
  dispatcher.holding(() => {
    log.seal();
    projection.inForce.switchMode(mode);
    log.seal();
  });
  replicator.switched(name, true);
}

/** Begins the document behind a table anew; while the disk takes nothing, it stays as it is. */
export function beginDocument(projection: Projection, parts: SwitchParts): void {
  try {
    switchMode(projection, projection.inForce.mode.name, parts);
  } catch (error) {
    // Nobody called this: who looks whether it is due tries again.
    if (!isTablecastError(error)) throw error;
  }
}
