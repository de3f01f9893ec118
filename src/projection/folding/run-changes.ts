import { MovingDot } from '../rows/dot.ts';
import { CHANGED_ROW, DID_NOTHING, type DoneByRun, type RunOfWrites } from '../rows/run-of-writes.ts';
import type { TableState } from '../table-state.ts';
import { type Change, changeOf } from '../telling/change.ts';

/** The changes that a run of plain writes made, each put together only when it is told. */
export function* runChanges(
  { rows, reporter }: TableState,
  writes: RunOfWrites,
  on: { readonly done: DoneByRun; readonly position: number },
): Generator<Change, void, undefined> {
  const { slots, did, before } = on.done;
  const dot = new MovingDot(writes.origin);
  for (let nth = 0; nth < slots.length; nth++) {
    if (did[nth] === DID_NOTHING) continue;
    const index = writes.from + nth;
    dot.sequence = writes.firstSequence + index;
    dot.stamp = writes.stamps === undefined ? writes.stamp : (writes.stamps[index] as number);
    const changed = did[nth] === CHANGED_ROW;
    const cause = reporter.causeOf(on.position + nth, writes.values?.[index], dot);
    const previous = changed ? before?.[nth] : undefined;
    yield changeOf(changed ? 'changed' : 'new', rows.key(slots[nth] as number), previous, cause);
  }
}
