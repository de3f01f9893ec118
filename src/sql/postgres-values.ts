import type { SqlColumn, SqlValue } from './columns.ts';
import type { Dialect } from './statements.ts';

/** Every cell travels as text, and is cast where it arrives. */
export type PostgresCell = string | null;

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
export function withoutNul(text: string): string {
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
export function postgresCellOf({ type }: SqlColumn): (value: SqlValue) => PostgresCell {
  const isJson = TYPES[type] === 'jsonb';
  if (isJson) return (value) => (value === undefined ? null : jsonCell(value));
  const convert = type === 'clock' ? clockCell : isText(type) ? textCell : String;
  return (value) => (value === undefined || value === null ? null : convert(value));
}

function isText(type: SqlColumn['type']): boolean {
  return TYPES[type] === undefined;
}

function textCell(value: SqlValue): string {
  return withoutNul(value as string);
}

/** Years beyond those of ISO 8601 have a sign there, which PostgreSQL does not read; nobody writes then. */
function clockCell(value: SqlValue): string {
  return new Date(Math.min(Number(value), Date.UTC(9999, 11, 31))).toISOString();
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
