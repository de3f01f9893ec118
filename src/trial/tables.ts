import type { MapTable, TableNode } from '../index.ts';

/** A mode to compare; whether this version or this machine has it shows when it is used. */
export type ComparedMode = 'naive' | 'lww' | 'automerge';

/** The two tables of a comparison. */
export interface ComparedTables {
  /** Queries counted per client, by `increment`. */
  readonly counts: MapTable<string, number>;
  /** Holds what each client asked last, by `set`. Values begin with the number of their row. */
  readonly latest: MapTable<string, string>;
}

const COUNTS = 'queries';
export const LATEST = 'latest';

/** Declares both. Throws `DECLARATION_INVALID` for a mode that cannot be had, with the reason. */
export function declareTables(node: TableNode, mode: ComparedMode): ComparedTables {
  const shared = { key: 'string', backend: 'sqlite', mode } as const;
  return {
    counts: node.table(COUNTS, { ...shared, value: 'count' }),
    latest: node.table(LATEST, { ...shared, value: 'string' }),
  };
}

/** Returns the text that row `index` leaves in `latest`. */
export function latestText(index: number, value: string): string {
  return `${index} ${value}`;
}

/** The row a text in `latest` comes from. */
export function rowOfText(text: string): number {
  return Number(text.slice(0, text.indexOf(' ')));
}

/** Returns the rows whose values can be read under a key at this moment. */
export function readableRows(table: ComparedTables['latest'], key: string): number[] {
  return table.conflictsOf(key).flatMap(({ value }) => (value === undefined ? [] : [rowOfText(value)]));
}
