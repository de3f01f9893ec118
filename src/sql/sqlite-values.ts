import type { SqlColumn, SqlValue } from './columns.ts';
import type { Dialect } from './statements.ts';

/** A cell is all that a column of SQLite can hold. */
export type SqliteCell = string | number | bigint | null;

const LARGEST = 2n ** 63n - 1n;
/** Digits of the largest `count`. */
const COUNT_DIGITS = 20;

/** Strict tables: a column holds what it says. `ANY` changes nothing of what it is given. */
export const sqliteDialect: Dialect = {
  tableOptions: ' STRICT',
  typeOf({ type }) {
    if (type === 'count') return 'ANY';
    if (type === 'double') return 'REAL';
    return isWhole(type) ? 'INTEGER' : 'TEXT';
  },
};

function isWhole(type: SqlColumn['type']): boolean {
  return ['bool', 'int', 'time', 'interval', 'position', 'clock'].includes(type);
}

/** A count is a number as long as SQLite has one for it; beyond 2^63-1 its digits, which sort behind all numbers. */
function countCell(value: number | bigint): SqliteCell {
  // A number would arrive as a floating one.
  if (typeof value === 'number') return BigInt(value);
  return value <= LARGEST ? value : String(value).padStart(COUNT_DIGITS, '0');
}

function jsonCell(value: SqlValue): SqliteCell {
  return JSON.stringify(value);
}

function plainCell(value: SqlValue): SqliteCell {
  return value as SqliteCell;
}

/** Gives the conversion of values of a column to cells. NaN, which SQLite does not have, becomes NULL. */
export function sqliteCellOf({ type }: SqlColumn): (value: SqlValue) => SqliteCell {
  const convert = converterOf(type);
  const isJson = convert === jsonCell;
  return (value) => (value === undefined || (value === null && !isJson) ? null : convert(value));
}

function converterOf(type: SqlColumn['type']): (value: SqlValue) => SqliteCell {
  switch (type) {
    case 'count':
      return (value) => countCell(value as number | bigint);
    case 'bool':
      return (value) => (value === true ? 1 : 0);
    case 'double':
      return (value) => (Number.isNaN(value) ? null : (value as number));
    case 'record':
    case 'set':
    case 'vector':
    case 'table':
    case 'any':
      return jsonCell;
    default:
      return plainCell;
  }
}

/** The value of a key column, from its cell as it was read with integers as bigints. */
export function sqliteKeyValue({ type }: SqlColumn, cell: SqliteCell): SqlValue {
  if (type === 'bool') return cell === 1n;
  if (type === 'count' && typeof cell === 'string') return BigInt(cell);
  return cell;
}
