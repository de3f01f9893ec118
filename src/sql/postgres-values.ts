import type { SqlColumn, SqlValue } from './columns.ts';
import type { Dialect } from './statements.ts';
import type { SqlRow } from './target.ts';

/** Every cell travels as text, and is cast where it arrives. */
type PostgresCell = string | null;

/** PostgreSQL's text has no U+0000: it is written as this and `0`, and this itself as twice this. */
const MARK = '\u{F0000}';
const NUL = '\u0000';

/** PostgreSQL's types. */
export const postgresDialect: Dialect = {
  tableOptions: '',
  typeOf: ({ type }) => TYPES[type] ?? 'text',
};

const TYPES: Partial<Record<SqlColumn['type'], string>> = {
  bool: 'boolean',
  count: 'numeric(20)',
  int: 'bigint',
  double: 'double precision',
  addr: 'inet',
  subnet: 'cidr',
  time: 'bigint',
  interval: 'bigint',
  record: 'jsonb',
  set: 'jsonb',
  vector: 'jsonb',
  table: 'jsonb',
  any: 'jsonb',
  position: 'bigint',
  clock: 'timestamptz',
};

/** Gives the expression that reads a key column as text. */
export function readKey({ name, type }: SqlColumn, quoted: (name: string) => string): string {
  // An address is read without the length of its prefix.
  return type === 'addr' ? `host(${quoted(name)})` : `${quoted(name)}::text`;
}

/** The same text without U+0000; different texts stay different. */
function withoutNul(text: string): string {
  if (!text.includes(NUL) && !text.includes(MARK)) return text;
  return text.replaceAll(MARK, MARK + MARK).replaceAll(NUL, `${MARK}0`);
}

function withNul(text: string): string {
  if (!text.includes(MARK)) return text;
  return text.replaceAll(/\u{F0000}(\u{F0000}|0)/gu, (_, end: string) => (end === '0' ? NUL : MARK));
}

function jsonCell(value: SqlValue): string {
  const text = JSON.stringify(value);
  if (!text.includes('\\u0000') && !text.includes(MARK)) return text;
  return JSON.stringify(cleaned(value));
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return withoutNul(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [withoutNul(name), cleaned(member)]),
  );
}

/** Gives the conversion of values of a column to cells. */
function cellOf({ type }: SqlColumn): (value: SqlValue) => PostgresCell {
  const isJson = TYPES[type] === 'jsonb';
  if (isJson) return (value) => (value === undefined ? null : jsonCell(value));
  const convert = type === 'clock' ? clockCells() : isText(type) ? textCell : String;
  return (value) => (value === undefined || value === null ? null : convert(value));
}

function isText(type: SqlColumn['type']): boolean {
  return TYPES[type] === undefined;
}

function textCell(value: SqlValue): string {
  return withoutNul(value as string);
}

/** Rows that follow one another were mostly written in one millisecond. */
function clockCells(): (value: SqlValue) => string {
  let known: SqlValue;
  let text = '';
  return (value) => {
    if (value === known) return text;
    known = value;
    // Years beyond those of ISO 8601 have a sign there, which PostgreSQL does not read; nobody writes then.
    text = new Date(Math.min(Number(value), Date.UTC(9999, 11, 31))).toISOString();
    return text;
  };
}

/** A column of rows as an array of PostgreSQL's, in text: a third of the time that pg takes for one. */
export function postgresArray(column: SqlColumn, rows: readonly SqlRow[], index: number): string {
  const cell = cellOf(column);
  const isQuoted = isText(column.type) || TYPES[column.type] === 'jsonb';
  let text = '';
  for (const row of rows) {
    const found = cell(row[index]);
    const element = found === null ? 'NULL' : isQuoted ? `"${escaped(found)}"` : found;
    text += text === '' ? element : `,${element}`;
  }
  return `{${text}}`;
}

function escaped(text: string): string {
  return text.includes('"') || text.includes('\\') ? text.replaceAll(/["\\]/g, '\\$&') : text;
}

/** The value of a key column, from its text. */
export function postgresKeyValue({ type }: SqlColumn, text: string): SqlValue {
  switch (type) {
    case 'bool':
      return text === 'true';
    case 'count':
    case 'int':
    case 'time':
    case 'interval':
      return BigInt(text);
    case 'double':
      return Number(text);
    default:
      return isText(type) ? withNul(text) : text;
  }
}
