import type { Value } from '../../schema/index.ts';
import type { RunOfWrites } from './run-of-writes.ts';

/** Is told of each slot whose row changes, or may: it may only take note of that, and reads the row later. */
export interface RowsWatch {
  touched(slot: number): void;
  /** Slots may be about to be numbered anew: what was noted has to be read now. */
  settle(): void;
  /** Gives the new number of each slot, -1 of one that was forgotten. */
  renumbered(numbers: Int32Array): void;
  /** The writes of a batch were taken back, and nobody is told of it. */
  takenBack(): void;
}

/** Tells of every slot that a run of writes names. */
export function touchRun(watch: RowsWatch, { slots, ids, from, end }: RunOfWrites): void {
  for (let index = from; index < end; index++) watch.touched(slots[ids[index] as number] as number);
}

/** Rows as they are compared: of those that are exchanged. */
interface HeldRows {
  has(slot: number): boolean;
  value(slot: number): Value;
}

/** Tells of every one of so many slots in which something else stands than before. */
export function touchDifferent(
  watch: RowsWatch,
  slots: number,
  { before, after }: { readonly before: HeldRows; readonly after: HeldRows },
): void {
  for (let slot = 0; slot < slots; slot++) {
    if (before.has(slot) !== after.has(slot) || !Object.is(before.value(slot), after.value(slot)))
      watch.touched(slot);
  }
}
