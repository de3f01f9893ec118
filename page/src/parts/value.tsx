import type { JSX } from 'preact';
import type { Cell } from '../api/types.ts';
import { shown } from '../model/cells.ts';

/** A value in full. */
export function Value({
  cell,
  type,
  none = 'no row',
}: {
  cell: Cell | undefined;
  type: string;
  none?: string;
}): JSX.Element {
  if (cell === undefined) return <span class="value none">{none}</span>;
  const text = shown(cell, type);
  if (text === '') return <span class="value none">empty text</span>;
  return <bdi class="value">{text}</bdi>;
}
