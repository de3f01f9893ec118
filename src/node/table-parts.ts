import type { ModeName } from '../log/operations/epoch.ts';
import type { Origins } from '../log/operations/origin.ts';
import type { Projection } from '../projection/projection.ts';
import { type SubscriberOptions, tableCounts } from '../reading/subscribers.ts';
import type { LogView } from '../reading/log-view.ts';
import type { Replicator } from '../replication/replicator.ts';
import { type RepairOptions, repair } from '../table/repair.ts';
import { planUndo } from '../table/undo.ts';
import { type SwitchParts, switchMode } from '../table/switch-mode.ts';
import type { TableParts } from '../table/replicated-table.ts';
import type { Flushing } from './flushing.ts';

/** The parts of a node that its tables are made over. */
export interface TablesParts {
  readonly nodeId: string;
  readonly origins: Origins;
  readonly replicator: Replicator;
  readonly view: LogView;
  readonly subscribers: SubscriberOptions;
  readonly flushing: Flushing;
  /** Gives what a switch of mode needs, as it is then. */
  switching(): SwitchParts;
}

/** Makes what a table is made over. What concerns one table waits for its own store only. */
export function tablePartsOf(projection: Projection, parts: TablesParts): Omit<TableParts, 'reading'> {
  const { replicator, flushing, subscribers, nodeId, origins } = parts;
  const { name } = projection.schema;
  const flush = (): Promise<void> => flushing.one(projection.store);
  return {
    projection,
    synced: replicator.synced(name),
    divergence: replicator.divergences.of(name),
    counted: tableCounts(name, subscribers),
    planUndo: (options) =>
      planUndo(projection, options, {
        log: parts.switching().log,
        origins,
        reader: (table) => parts.view.reader({ table, after: 0 }),
        flush,
      }),
    understandTouches: () => replicator.understandTouches(name),
    seal: () => parts.switching().log.seal(),
    switchMode: async (mode: ModeName) => {
      switchMode(projection, mode, parts.switching());
      await flush();
    },
    repair: (options: RepairOptions) => repair(projection, { nodeId, origins, replicator, flush }, options),
  };
}
