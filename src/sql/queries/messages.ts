import type { Failure } from '../../errors.ts';

/** A cell of an answer holds integers beyond 2^53-1 either way as bigints. */
export type QueryCell = string | number | bigint | Uint8Array | null;

/** A relation can be read beside the tables; it is brought when a query reads it. */
export interface Relation {
  readonly name: string;
  /** True of all operations, whose positions are those of rows. */
  readonly isLog: boolean;
  readonly columns: readonly string[];
  /** True of a function that gives a table as of a moment: its argument. */
  readonly isFunction: boolean;
}

/** A relation that a query reads and that is not there yet. */
export interface Want {
  readonly name: string;
  /** The argument of a function: a position, or a time as text. */
  readonly moment: QueryCell;
}

/** A database of what was brought, and the tables in it by {@link wantText}. */
export interface BroughtTables {
  readonly file: string;
  readonly tables: ReadonlyMap<string, string>;
}

/** A want as a text that no other has. */
export function wantText({ name, moment }: Want): string {
  return JSON.stringify([name, typeof moment, String(moment)]);
}

/** A query as the process that answers it is told. */
export interface QueryOrder {
  /** The database; undefined where there are no tables. */
  readonly file: string | undefined;
  readonly sql: string;
  readonly parameters: readonly QueryCell[];
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly relations: readonly Relation[];
  readonly brought: BroughtTables | undefined;
}

/** The rows that a query gives. */
export interface FoundRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly QueryCell[])[];
}

/** The process says once that it is there, then an answer for each query. */
export type QueryReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'rows'; readonly found: FoundRows }
  | { readonly kind: 'wants'; readonly want: Want }
  | { readonly kind: 'refused'; readonly failure: Failure };

/** Bytes that a number counts as in an answer. */
const NUMBER_BYTES = 8;

/** Counts the bytes of a cell in an answer. */
export function sizeOf(cell: QueryCell): number {
  if (typeof cell === 'string') return 2 * cell.length;
  return cell instanceof Uint8Array ? cell.byteLength : NUMBER_BYTES;
}

/** An integer is a number as long as that is exact. */
export function plainCell(cell: QueryCell): QueryCell {
  if (typeof cell !== 'bigint') return cell;
  const number = Number(cell);
  return Number.isSafeInteger(number) ? number : cell;
}
