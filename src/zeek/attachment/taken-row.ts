/** One row that differs at a Zeek node: whether it is only older there, and how it is taken over from there. */
import type { AttachedTable } from './attached-table.ts';
import type { Difference } from './comparison.ts';
import type { ZeekHost } from '../host.ts';
import type { RowState } from './own-changes.ts';
import { isAsPublished } from './published.ts';

/** Returns whether Zeek holds a row as it was in one of these states. */
export function isOneOf(
  { zeek: table }: AttachedTable,
  { zeek }: Difference,
  states: readonly RowState[],
): boolean {
  return states.some(({ present, value }) => {
    if (!present || zeek === undefined) return present === (zeek !== undefined);
    return zeek.said === undefined || isAsPublished(table, value, zeek.said);
  });
}

/** Makes a row what it is at Zeek, as an operation of the Zeek node that `proxy` names. */
export function takeRow(
  host: ZeekHost,
  { projection }: AttachedTable,
  { keyText, zeek }: Difference,
  proxy: string,
): void {
  const author = host.author(projection, proxy);
  const slot = projection.rows.slotOf(keyText);
  if (zeek === undefined) projection.local.delete(slot, author);
  else projection.local.set(slot, zeek.value, author);
}
