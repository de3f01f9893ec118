import type { TableDocument } from '../../modes/conflict-mode.ts';

/** A document is begun anew when it has more operations than this, and than so many per row, or more bytes. */
const MAX_HISTORY = 131_072;
const HISTORY_PER_ROW = 4;
const MAX_HISTORY_BYTES: number = 64 * 1024 * 1024;

/**
 * Returns whether an author should begin the document of a table of so many rows anew; of many authors the one with
 * most of it, so that only one does.
 */
export function isDue(
  { history }: Pick<TableDocument, 'history'>,
  { rows, author }: { readonly rows: number; readonly author: string },
): boolean {
  const { operations, bytes } = history;
  const limit = Math.max(MAX_HISTORY, HISTORY_PER_ROW * rows);
  const parts = Math.max(operations / limit, bytes / MAX_HISTORY_BYTES);
  return parts > 1 && (parts > 2 || history.isLargest(author));
}
