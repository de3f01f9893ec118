// Rows as text, and their digest: two tables are equal if and only if their digests are.
import { createHash } from 'node:crypto';
import type { Table } from 'tablecast';
import type { Row } from './messages.ts';

/** A key or a value of these tables as one line of text; a set's rows have no value. */
export function cellText(cell: unknown): string {
  if (cell === undefined) return '';
  return Array.isArray(cell) ? cell.map(String).join(' ') : `${cell as string | number | bigint}`;
}

/** The rows of a table, or of a Map of its rows, sorted by key. */
export function textRows(rows: Iterable<readonly [unknown, unknown]>): Row[] {
  const text = Array.from(rows, ([key, value]): Row => [cellText(key), cellText(value)]);
  return text.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The rows of a live table, whichever its kind; a set's rows have no value. */
export function liveRows(table: Pick<Table, 'keys'>): Row[] {
  const values = 'get' in table ? (table as unknown as ReadonlyMap<unknown, unknown>) : undefined;
  return textRows(Array.from(table.keys(), (key) => [key, values?.get(key)] as const));
}

/** SHA-256 over sorted rows. */
export function digestOf(rows: readonly Row[]): string {
  const hash = createHash('sha256');
  for (const row of rows) hash.update(`${JSON.stringify(row)}\n`);
  return hash.digest('hex');
}
