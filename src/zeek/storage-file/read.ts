/** Reads the SQLite files of Zeek's storage framework, which `known-hosts` and others of Zeek 9.0 keep. */
import type Database from 'better-sqlite3';
import { isTablecastError, TablecastError } from '../../errors.ts';
import { none } from '../protocol/data/zeek-data.ts';
import { isJsonObject, type Json } from '../protocol/json/json.ts';
import type { ZeekKey } from '../protocol/table-changes.ts';
import { decodeValue } from '../protocol/values/decode.ts';
import type { DerivedDeclaration, ZeekTable } from '../protocol/zeek-table.ts';
import { parseZeekType } from '../protocol/zeek-type-parser.ts';
import { typeText, type ZeekType } from '../protocol/zeek-type.ts';
import { declared, decodedRows, tableOf } from '../store-files/rows.ts';
import { guarded, hasColumns, openDatabase, refusal, tableNames } from '../store-files/sqlite-file.ts';
import { StorageGuess } from './guess.ts';
import { dataOf } from './json-data.ts';
import { serialized } from './serialized.ts';
import { nanosecondsOf } from './times.ts';

/** The options say of which type the content of a table is. */
export interface StorageTableOptions {
  /** Is `table[KEY] of VALUE` with the types of `open_backend`, or `set[KEY]` where all values are `T`; else guessed. */
  readonly type?: string | undefined;
  /** Describes the types that `type` mentions by name. */
  readonly types?: Readonly<Record<string, string>> | undefined;
}

/** An entry is one row of a table of the storage framework. */
export interface StorageEntry {
  /** Is an array where the key is a record: its fields. */
  readonly key: ZeekKey;
  /** Is undefined for a set. */
  readonly value: ReturnType<typeof decodeValue> | undefined;
  /** Says when Zeek would delete the row: nanoseconds since 1970. */
  readonly expiry: bigint | undefined;
  /** Is true when text has `\x` and two digits: Zeek wrote a byte so, or the text had them. Zeek reads it as text. */
  readonly escaped: boolean;
}

/** A table of the storage framework is what one `open_backend` keeps in a file. */
export interface StorageTable {
  readonly name: string;
  readonly size: number;
  /** Is the type, given or guessed; undefined for an empty table when none was given. */
  readonly type: string | undefined;
  /** Is the Tablecast declaration of it; undefined where the type is, or where it cannot be declared. */
  readonly declaration: DerivedDeclaration | undefined;
  /**
   * Gives the rows in the file's order, one read from disk at a time.
   *
   * @param onUnreadable - told of each row that is damaged or of another type, which is then left out
   * @throws TablecastError without `onUnreadable`, at such a row: `IMPORT_INVALID` or `VALUE_INVALID`
   */
  entries(onUnreadable?: (error: TablecastError) => void): Iterable<StorageEntry>;
}

/** A storage file is a SQLite file of the storage framework, open for reading. */
export interface StorageFile {
  /** Names the tables of the storage framework in it. */
  readonly tables: readonly string[];
  /** Names tables that somebody else made. */
  readonly others: readonly string[];
  /**
   * Returns a table of the file.
   *
   * @throws TablecastError `IMPORT_INVALID` for a name that is not there, and where the content does not say its type;
   *   `DECLARATION_INVALID` for a type that cannot be read
   */
  table(name: string, options?: StorageTableOptions): StorageTable;
  /** Releases the file. Idempotent. */
  close(): void;
}

interface StoredRow {
  readonly key_str: unknown;
  readonly value_str: unknown;
  readonly expire_time: unknown;
}

const refuse = refusal(
  "Give a file of Zeek's storage framework, such as known/hosts.sqlite, copied while Zeek was stopped, with the -wal beside it.",
);
const refuseBroker = refusal(
  'Broker wrote it: `tablecast import --broker-store FILE`, or `readBrokerStore`, reads it.',
);

const runs = 'zeek_storage_expiry_runs';
// Zeek made the two of text until the serializer said its version.
const columns = { key_str: ['blob', 'text'], value_str: ['blob', 'text'], expire_time: ['real'] };

/** The tables of Zeek's own scripts, whose values are all `T`. */
const known: ReadonlyMap<string, string> = new Map([
  ['zeekknownhosts', 'set[addr]'],
  ['zeekknownservices', 'set[addr, port, string]'],
  ['zeekknowncerts', 'set[addr, string]'],
]);

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function rowsOf(database: Database.Database, table: string): Iterable<StoredRow> {
  const sql = `SELECT key_str, value_str, expire_time FROM ${quoted(table)}`;
  return database.prepare<[], StoredRow>(sql).iterate();
}

/** Returns the columns of an index: a record as key is its fields. */
function flattened(type: ZeekType): ZeekType {
  if (type.kind !== 'table' && type.kind !== 'set') return type;
  const [only] = type.index;
  if (type.index.length !== 1 || only?.kind !== 'record') return type;
  return { ...type, index: only.fields.map((field) => field.type) };
}

/** Returns one JSON value for each column of a key. */
function columnsOf({ index, fields }: Layout, json: Json): readonly Json[] {
  if (index.length === 1 && fields === undefined) return [json];
  const members = isJsonObject(json) ? [...json.keys()] : [];
  const isRight =
    fields === undefined ? members.length === index.length : members.every((name) => fields.includes(name));
  if (!isJsonObject(json) || !isRight) {
    throw new TablecastError('VALUE_INVALID', `The key is no record of ${index.length} fields.`, {
      hint: 'Give the types that the script gave to `open_backend`, `table[KEY] of VALUE`.',
      details: { expected: index.map(typeText).join(', ') },
    });
  }
  return (fields ?? members).map((name) => json.get(name) ?? null);
}

function keyOf(layout: Layout, json: Json): ZeekKey {
  const { index, fields } = layout;
  const decoded = columnsOf(layout, json).map((column, at) => {
    const where = index.length === 1 ? 'The key' : `The key's ${fields?.[at] ?? `column ${at + 1}`}`;
    const type = index[at] ?? { kind: 'bool' };
    return decodeValue(type, column === null ? none : dataOf(type, column, where), where);
  });
  const [only] = decoded;
  return index.length === 1 && only !== undefined ? only : Object.freeze(decoded);
}

function valueOf(value: ZeekType | undefined, json: Json): StorageEntry['value'] {
  if (value !== undefined) return decodeValue(value, dataOf(value, json, 'The value'), 'The value');
  if (json === true) return undefined;
  throw new TablecastError('VALUE_INVALID', 'The value is not T, as every value of a set is.', {
    hint: 'Give the types that the script gave to `open_backend`, `table[KEY] of VALUE`.',
  });
}

/** A layout says how rows of a table are read. */
interface Layout {
  readonly index: readonly ZeekType[];
  readonly value: ZeekType | undefined;
  /** Names the fields of the record that is the key, where they are known. */
  readonly fields: readonly string[] | undefined;
}

function decodeRow(layout: Layout, row: StoredRow): StorageEntry {
  const key = serialized(row.key_str, 'The key');
  const value = serialized(row.value_str, 'The value');
  return {
    key: keyOf(layout, key.json),
    value: valueOf(layout.value, value.json),
    expiry: expiryOf(row.expire_time),
    escaped: key.escaped || value.escaped,
  };
}

/** Zero means never, and so does what 64 bits of nanoseconds do not hold. */
function expiryOf(stored: unknown): bigint | undefined {
  return typeof stored === 'number' && stored !== 0 ? nanosecondsOf(stored) : undefined;
}

/** Returns the type that the rows have; undefined for no rows, and where they do not say. */
function guessed(database: Database.Database, name: string): ZeekType | undefined {
  const guess = new StorageGuess();
  for (const row of rowsOf(database, name)) {
    try {
      guess.add(serialized(row.key_str, 'The key').json, serialized(row.value_str, 'The value').json);
    } catch (error) {
      // Whoever reads the rows is told of this one.
      if (!isTablecastError(error)) throw error;
    }
  }
  return guess.type();
}

function layoutOf(table: ZeekTable, type: ZeekType): Layout {
  const [only] = type.kind === 'table' || type.kind === 'set' ? type.index : [];
  const fields = only?.kind === 'record' ? only.fields.map((field) => field.name) : undefined;
  return { index: table.index, value: table.value, fields };
}

function openTable(
  { file, database }: { readonly file: string; readonly database: Database.Database },
  name: string,
  options: StorageTableOptions,
): StorageTable {
  const size = guarded(file, refuse, () => {
    const sql = `SELECT count(*) AS size FROM ${quoted(name)}`;
    return database.prepare<[], { size: number }>(sql).get()?.size ?? 0;
  });
  const told = options.type ?? known.get(name);
  const type =
    told === undefined
      ? guarded(file, refuse, () => guessed(database, name))
      : parseZeekType(told, new Map(Object.entries(options.types ?? {})));
  if (type === undefined && size > 0)
    throw refuse(file, `does not say of which type the rows of ${name} are; give it`);
  const table = type === undefined ? undefined : tableOf(undefined, flattened(type));
  const layout = table === undefined || type === undefined ? undefined : layoutOf(table, type);
  return {
    name,
    size,
    type: type === undefined ? undefined : typeText(type),
    declaration: declared(table),
    entries: (onUnreadable) =>
      layout === undefined
        ? []
        : decodedRows(
            { file, refuse, rows: () => rowsOf(database, name) },
            (row) => decodeRow(layout, row),
            onUnreadable,
          ),
  };
}

/** Throws `IMPORT_INVALID` for a file that SQLite finds damaged, as Zeek does when it opens it. */
function checkWhole(file: string, database: Database.Database): void {
  const found = database.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw refuse(file, `is damaged (${String(found).slice(0, 200)})`);
}

/**
 * Opens a SQLite file of Zeek's storage framework, read-only; the file is not changed. One of up to 256 MiB without a
 * journal is read into memory whole. It is looked through first, so that a damaged file gives no rows.
 *
 * Rows whose deadline has passed are given as well: what to do with them is the caller's choice.
 *
 * @throws TablecastError `IMPORT_INVALID` for a file that is none of the storage framework's or is damaged
 */
export function readStorageFile(file: string): StorageFile {
  const database = openDatabase(file, refuse);
  try {
    return guarded(file, refuse, () => {
      checkWhole(file, database);
      const names = tableNames(file, database, refuse).filter((name) => !name.startsWith('sqlite_'));
      const tables = names.filter((name) => name !== runs && hasColumns(database, name, columns));
      if (tables.length === 0) {
        if (names.includes('store')) throw refuseBroker(file, "is one of Broker's stores");
        throw refuse(file, 'has no table with key_str, value_str and expire_time');
      }
      return {
        tables,
        others: names.filter((name) => name !== runs && !tables.includes(name)),
        table: (name, options = {}) => {
          if (!tables.includes(name)) throw refuse(file, `has no table ${name}; it has ${tables.join(', ')}`);
          return openTable({ file, database }, name, options);
        },
        close: () => database.close(),
      };
    });
  } catch (error) {
    database.close();
    throw error;
  }
}
