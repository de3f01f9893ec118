import type { Origins } from '../../log/operations/origin.ts';
import type { Schema, Value } from '../../schema/index.ts';
import type { CheckpointRows } from './checkpoint-format.ts';
import type { DocumentFold } from '../folding/document-fold.ts';
import type { Effects } from '../folding/effects.ts';
import type { TableState } from '../table-state.ts';
import type { Rows } from '../rows/rows.ts';

/** A table to be loaded, with what may be done with it already. */
type Loaded = TableState & {
  readonly effects: Effects;
  readonly inForce: { readonly documents: DocumentFold | undefined };
};

/** Returns whether a table has never held anything, so that of a checkpoint everything counts. */
function isUntouched({ rows, versions, effects, inForce: { documents } }: Loaded): boolean {
  return (
    rows.slots === 0 &&
    versions.cleared === undefined &&
    effects.watch === undefined &&
    effects.deadlines === undefined &&
    documents === undefined
  );
}

/**
 * Puts the rows of a checkpoint into a table that has none, column by column. Returns the slots of the
 * entries; undefined, and nothing is done, when the table was used before or a key is named twice
 * (it may be, when it was removed and written again while the checkpoint was made).
 */
export function loadRows(
  projection: Loaded,
  origins: Origins,
  parts: readonly CheckpointRows[],
): Int32Array | undefined {
  const { schema, rows } = projection;
  if (!isUntouched(projection) || !rows.bulk.fill(parts.map((part) => part.texts))) return undefined;
  const slots = new Int32Array(rows.slots);
  for (let slot = 0; slot < slots.length; slot++) slots[slot] = slot;
  let first = 0;
  for (const part of parts) {
    const numbers = part.origins.map((text) => origins.intern(text));
    putPart(rows, part, { first, schema, origins: numbers });
    projection.times.observeAll(part, numbers);
    first += part.texts.length;
  }
  return slots;
}

/** Puts a part of a checkpoint into rows that have slots for it from `first` on; `origins` are the numbers of the part's. */
export function putPart(
  rows: Rows,
  part: CheckpointRows,
  to: { readonly first: number; readonly schema: Schema; readonly origins: readonly number[] },
): void {
  rows.bulk.putPart({ ...part, first: to.first, values: valuesOf(part, to.schema), origins: to.origins });
}

function valuesOf({ cells, values, removed }: CheckpointRows, schema: Schema): ArrayLike<Value> | undefined {
  if (removed || schema.isSet) return undefined;
  if (values !== undefined) return values;
  return schema.column === 'double' ? cells : Array.from(cells, (cell) => schema.fromColumn(cell));
}
