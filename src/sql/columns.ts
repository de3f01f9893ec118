import type { Key, Schema, TypeName, Value } from '../schema/index.ts';

/** Most bytes of a name in SQL: PostgreSQL cuts at 63, and names of our own hang endings on it, a position for one. */
export const MAX_SQL_NAME = 40;

/** The type of a column is that of a declaration, or one of what every table has beside its rows. */
export type SqlType = TypeName | 'text' | 'position' | 'clock';

/** A column of a table in SQL. */
export interface SqlColumn {
  readonly name: string;
  readonly type: SqlType;
}

/** A value on its way into a column. */
export type SqlValue = Value | null;

/** One table and where it goes; plain data, because it is handed to another thread. */
export interface TablePlan {
  readonly table: string;
  /** Its name in the target. */
  readonly into: string;
  /** Columns of the key first, then those of the value, then {@link FACTS}. */
  readonly columns: readonly SqlColumn[];
  readonly keyCount: number;
  /** True when versions of rows are kept beside them. */
  readonly history: boolean;
  /** True when a table that the user made is written. */
  readonly existing: boolean;
}

/** The facts of a row: who wrote it, as which operation, and when by the author's clock. */
export const FACTS: readonly SqlColumn[] = [
  { name: '_origin', type: 'text' },
  { name: '_sequence', type: 'position' },
  { name: '_time', type: 'clock' },
];

/** The span of a version in a history: from which position and time on it stood, and until when. */
export const SPAN: readonly SqlColumn[] = [
  { name: 'from_position', type: 'position' },
  { name: 'to_position', type: 'position' },
  { name: 'valid_from', type: 'clock' },
  { name: 'valid_to', type: 'clock' },
];

/** The columns of a table unless its user names others. */
export function columnsOf(schema: Schema, names: readonly string[] = []): SqlColumn[] {
  const { keyTypes, composite, valueType } = schema;
  const keys = keyTypes.map((type, index) => ({ name: composite ? `key_${index + 1}` : 'key', type }));
  const value = valueType === undefined ? [] : [{ name: 'value', type: valueType }];
  return [...keys, ...value].map(({ name, type }, index) => ({ name: names[index] ?? name, type }));
}

/** The columns of a table's key. */
export function keyColumns({ columns, keyCount }: TablePlan): readonly SqlColumn[] {
  return columns.slice(0, keyCount);
}

/** The columns of the value and what is said of the row: all that a write can change. */
export function otherColumns({ columns, keyCount }: TablePlan): readonly SqlColumn[] {
  return columns.slice(keyCount);
}

/** The values of a key, one for each of its columns. */
export function keyValues(schema: Schema, key: Key): readonly SqlValue[] {
  return schema.composite ? (key as readonly SqlValue[]) : [key as SqlValue];
}

/** The name of the table beside another that keeps what its rows were. */
export function historyName({ into }: Pick<TablePlan, 'into'>): string {
  return `${into}_history`;
}

/** A name in SQL, in quotes. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Gives the shape of a table in the target as text: another text means that it has to be made anew. */
export function shapeOf({ table, columns, keyCount, history }: TablePlan): string {
  return JSON.stringify({ table, columns, keyCount, history });
}

/** The columns of the tables that a projection made, by the shape that it left behind; a user's table is none of them. */
export function madeAs(shape: string | undefined): MadeTables {
  const known = shape === undefined ? undefined : readShape(shape);
  // No column of a user's has the type of `_time`.
  if (known === undefined || !known.columns.some(({ type }) => type === 'clock')) return {};
  const table = known.columns.map(({ name }) => name);
  return { table, history: known.history ? [...table, ...SPAN.map(({ name }) => name)] : undefined };
}

/** The columns of what a projection made. */
export interface MadeTables {
  readonly table?: readonly string[] | undefined;
  readonly history?: readonly string[] | undefined;
}

function readShape(shape: string): Pick<TablePlan, 'columns' | 'history'> | undefined {
  try {
    return JSON.parse(shape) as Pick<TablePlan, 'columns' | 'history'>;
  } catch {
    // Nothing that a projection wrote.
    return undefined;
  }
}
