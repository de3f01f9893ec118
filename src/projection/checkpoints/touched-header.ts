import { MAX_TOUCHED } from '../rows/touches.ts';
import type { Rows } from '../rows/rows.ts';
import type { WholeTable } from '../whole-table.ts';
import { isCount } from './checkpoint-format.ts';

/** The header says of a checkpoint which rows were touched after they were written. Left out where none was, and before 0.3. */
export interface TouchedHeader {
  readonly touched?: readonly (readonly [key: string, stamp: number])[] | undefined;
}

/** Returns what of it there is to say of a table. */
export function touchedOf(rows: Rows): TouchedHeader {
  const { touches } = rows;
  if (touches === undefined || touches.size === 0) return {};
  return { touched: Array.from(touches.entries(), ([slot, stamp]) => [rows.text(slot), stamp] as const) };
}

/** Takes in what a checkpoint says of it, once its rows are in place. */
export function learnTouched({ rows, effects }: WholeTable, { touched = [] }: TouchedHeader): void {
  for (const [text, stamp] of touched) {
    const slot = rows.slotOf(text);
    if (rows.stamp(slot) >= stamp) continue;
    if (rows.touches?.note(slot, stamp) === true && rows.has(slot)) effects.deadlines?.note(slot);
  }
}

/** Returns whether a header from outside says it in its form, within its limit. */
export function isTouchedSaid({ touched = [] }: { readonly touched?: unknown }): boolean {
  return (
    Array.isArray(touched) &&
    touched.length <= MAX_TOUCHED &&
    touched.every(
      (entry) =>
        Array.isArray(entry) && entry.length === 2 && typeof entry[0] === 'string' && isCount(entry[1], 0),
    )
  );
}
