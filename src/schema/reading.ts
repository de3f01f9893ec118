import { TablecastError } from '../errors.ts';
import { asRefusal } from './refusal.ts';
import { type StandardSchema, validated } from './standard-schema.ts';
import type { ColumnForms, IntegerForm, Key, Schema, Value } from './schema.ts';

/** Reads for one program what the rows hold in the key, or in the value. */
export interface ColumnReading<T> {
  /** Says that a number is always in the form asked for, so that most values need no call. */
  readonly keepsNumbers: boolean;
  /** Says whether what is held is in the form that the program asked for. */
  fits(held: T): boolean;
  /** Makes that form of it. Throws `INTEGER_TOO_LARGE`; `key` says where. */
  read(held: T, key?: Key): T;
}

/**
 * The way in which one program reads a table. Rows hold every integer exactly, as a number up to 2^53-1 and as a bigint beyond;
 * each program reads them in the form that it asked for. Undefined members: as the rows hold it.
 */
export interface Reading {
  readonly key: ColumnReading<Key> | undefined;
  readonly value: ColumnReading<Value> | undefined;
  /** Throws `VALUE_INVALID` for a value that could be written, and not be read here. */
  readonly checkValue: ((value: Value) => void) | undefined;
  /** Returns what a schema of this program makes of a value that is to be written. Throws `VALUE_INVALID`. */
  readonly validate: ((value: unknown) => unknown) | undefined;
}

/** Returns how the forms that a declaration asks for are read. */
export function readingOf(schema: Schema, forms: ColumnForms): Reading {
  const { value } = forms;
  return {
    key: keyReader(schema, forms.key),
    value: value === undefined ? undefined : valueReader(schema, value),
    validate: forms.schema && validator(schema, forms.schema),
    checkValue: value === 'number' ? (written) => checkWritten(schema, written) : undefined,
  };
}

/** Says whether two programs, or one at two places, ask for the same forms. */
export function sameForms(one: ColumnForms, other: ColumnForms): boolean {
  if (one.schema !== other.schema) return false;
  return one.value === other.value && one.key.every((form, column) => form === other.key[column]);
}

function keyReader(schema: Schema, forms: ColumnForms['key']): ColumnReading<Key> | undefined {
  const readers = forms.map((form) => integerReader(form, (integer) => keyTooLarge(schema, integer)));
  if (readers.every((reader) => reader === undefined)) return undefined;
  if (!schema.composite) return readers[0] as unknown as ColumnReading<Key>;
  // By index and without closures: every row of a table is looked at when it is iterated.
  const integers = readers.flatMap((reader, at) => (reader === undefined ? [] : [{ reader, at }]));
  const fits = (key: Key): boolean => {
    for (const { reader, at } of integers) if (!reader.fits((key as readonly Value[])[at])) return false;
    return true;
  };
  const read = (key: Key): Key => {
    if (fits(key)) return key;
    const columns = key as readonly Value[];
    return Object.freeze(columns.map((held, at) => readers[at]?.read(held) ?? held)) as Key;
  };
  return { keepsNumbers: false, fits, read };
}

function valueReader(schema: Schema, form: IntegerForm): ColumnReading<Value> | undefined {
  return integerReader(form, (integer, key) => valueTooLarge(schema, integer, key));
}

function integerReader(
  form: IntegerForm | undefined,
  tooLarge: (integer: bigint, key: Key | undefined) => TablecastError,
): ColumnReading<Value> | undefined {
  switch (form) {
    case 'bigint':
      return {
        keepsNumbers: false,
        fits: (held) => typeof held !== 'number',
        read: (held) => (typeof held === 'number' ? BigInt(held) : held),
      };
    case 'number':
      return {
        keepsNumbers: true,
        fits: (held) => typeof held !== 'bigint',
        read: (held, key) => {
          if (typeof held === 'bigint') throw tooLarge(held, key);
          return held;
        },
      };
    default:
      return undefined;
  }
}

function validator(schema: Schema, standard: StandardSchema): (value: unknown) => unknown {
  return (value) => {
    try {
      return validated(standard, value);
    } catch (thrown) {
      const { problem, hint } = asRefusal(thrown);
      const message = `The value of table '${schema.name}' (declared ${String(schema.valueType)}) ${problem}`;
      throw new TablecastError('VALUE_INVALID', message, {
        hint,
        details: { table: schema.name, expected: schema.valueType },
      });
    }
  };
}

function checkWritten(schema: Schema, value: Value): void {
  if (typeof value !== 'bigint') return;
  throw new TablecastError(
    'VALUE_INVALID',
    `The value of table '${schema.name}' (declared ${String(schema.valueType)}) is ${value}, and this program reads it as a number, which is exact up to 2^53-1 only`,
    {
      hint: `Declare value: { type: '${String(schema.valueType)}', as: 'bigint' }. Nodes with either choice share the table.`,
      details: { table: schema.name, expected: schema.valueType },
    },
  );
}

function valueTooLarge(schema: Schema, integer: bigint, key: Key | undefined): TablecastError {
  const where = key === undefined ? '' : ` under key ${shownKey(key)}`;
  return readAsNumber(schema, {
    what: `The value of table '${schema.name}'${where}`,
    member: 'value',
    type: String(schema.valueType),
    integer,
  });
}

function keyTooLarge(schema: Schema, integer: bigint): TablecastError {
  const type = schema.keyTypes.find((name) => name === 'count' || name === 'int') ?? 'count';
  return readAsNumber(schema, { what: `A key of table '${schema.name}'`, member: 'key', type, integer });
}

function readAsNumber(
  { name }: Schema,
  on: {
    readonly what: string;
    readonly member: string;
    readonly type: string;
    readonly integer: bigint;
  },
): TablecastError {
  const { what, member, type, integer } = on;
  return new TablecastError(
    'INTEGER_TOO_LARGE',
    `${what} is ${integer}, and this program reads it as a number, which is exact up to 2^53-1 only.`,
    {
      hint: `Declare ${member}: { type: '${type}', as: 'bigint' } in this program. The row stands exactly as it was written; nodes with either choice share the table.`,
      details: { table: name, member, value: String(integer) },
    },
  );
}

/** Returns a key for a message. */
export function shownKey(key: unknown): string {
  return (Array.isArray(key) ? key.map(String).join(', ') : String(key)).slice(0, 100);
}

/** One row as it is held. */
export interface HeldRow {
  readonly key: Key;
  readonly value: Value;
}

/** Returns a row in the forms in which a program reads it: see {@link readMembers}. */
export function readRow(row: HeldRow, { key, value }: Reading): HeldRow {
  const fits = (key?.fits(row.key) ?? true) && (value?.fits(row.value) ?? true);
  if (fits) return row;
  return readMembers({} as HeldRow, {
    key: () => readAs(key, row.key),
    value: () => readAs(value, row.value, row.key),
  });
}

/** Returns what is held in the form in which a program reads it. Throws `INTEGER_TOO_LARGE`. */
export function readAs<T>(column: ColumnReading<T> | undefined, held: T, key?: Key): T {
  if (column === undefined || (column.keepsNumbers && typeof held === 'number')) return held;
  return column.read(held, key);
}

/**
 * Puts members in the form in which they are read. One that has none in that form throws when it is read, and not
 * before: who is told of a row, and does not look at that member, has no use for the error.
 */
export function readMembers<T extends object>(into: T, members: Readonly<Record<string, () => unknown>>): T {
  for (const [name, read] of Object.entries(members)) {
    let value: unknown;
    try {
      value = read();
    } catch (error) {
      Object.defineProperty(into, name, { enumerable: true, get: () => fail(error) });
      continue;
    }
    Object.defineProperty(into, name, { enumerable: true, value });
  }
  return into;
}

function fail(error: unknown): never {
  throw error;
}
