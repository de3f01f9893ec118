import { compareEpochs } from '../../log/operations/epoch.ts';
import type { SegmentStore } from '../../log/keeping/segment-store.ts';
import type { AppliedRuns, ReceivedReference, Replica } from '../replica.ts';

/**
 * Standing is what became of the runs of a frame. `held`: this node holds every one of them, from any peer.
 * `missing`: it may yet come to hold those it does not, for it has asked for what they follow. `refused`: it does not
 * take them, or they were written under a switch of mode that is over.
 */
export type Standing = 'held' | 'missing' | 'refused';

/** Taken in is what was received of a frame. */
export interface TakenIn {
  readonly operations: number;
  readonly runs: readonly ReceivedReference[];
  /** Says how the runs stand now. */
  standing(): Standing;
  /** Returns the durable stores that their tables are kept in. */
  stores(): ReadonlySet<SegmentStore>;
}

/** The received parts are what became of a frame's runs when it came. */
export interface ReceivedParts {
  readonly operations: number;
  readonly applied: Pick<AppliedRuns, 'references' | 'gaps' | 'ahead'>;
  /** Returns whether anything is held back of a table. */
  readonly concerns: (table: string) => boolean;
}

/** The switch under which everything was written before the first one. */
const BEFORE_ANY = { counter: 0, origin: '' };

/** Says what became of the runs of a frame, from when it was received on. */
export function takenIn(replica: Replica, { operations, applied, concerns }: ReceivedParts): TakenIn {
  const runs = applied.references;
  const asked = new Set([...applied.gaps, ...applied.ahead]);
  const isHeld = ({ table, origin, firstSequence, count }: ReceivedReference): boolean =>
    (replica.held(table, origin) ?? 0) >= firstSequence + count - 1;
  return {
    operations,
    runs,
    standing: () => {
      const missing = runs.filter((run) => !isHeld(run));
      if (missing.some(({ table }) => !asked.has(table) || concerns(table))) return 'refused';
      if (missing.length > 0) return 'missing';
      return runs.some((run) => isOver(replica, run)) ? 'refused' : 'held';
    },
    stores: () => durableStoresOf(replica, runs),
  };
}

/** Returns whether a switch passed over it: only its author can write it again, who may be gone by then. */
function isOver(replica: Replica, { table, epoch }: ReceivedReference): boolean {
  const present = replica.table(table)?.epoch;
  return present !== undefined && compareEpochs(epoch ?? BEFORE_ANY, present) < 0;
}

function durableStoresOf(replica: Replica, runs: readonly ReceivedReference[]): Set<SegmentStore> {
  const stores = new Set<SegmentStore>();
  for (const name of new Set(runs.map(({ table }) => table))) {
    const store = replica.log.stores.get(replica.table(name)?.store ?? '');
    if (store?.backend.durable === true) stores.add(store);
  }
  return stores;
}
