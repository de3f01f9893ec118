/** The SQLite file of a Broker store, as bytes: opened, checked, read row by row. */
import type { Buffer } from 'node:buffer';
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import Database from 'better-sqlite3';
import { isTablecastError, TablecastError } from '../../errors.ts';
import type { ZeekData } from '../protocol/data/zeek-data.ts';
import { readBinary } from './binary.ts';

/** A row as SQLite gives it. */
export interface StoredRow {
  readonly key: unknown;
  readonly value: unknown;
  readonly expiry: unknown;
}

const maxCopiedBytes = 256 * 1024 * 1024;
const maxBlobBytes = 64 * 1024 * 1024;
const wantedColumns: ReadonlyMap<string, string> = new Map([
  ['key', 'blob'],
  ['value', 'blob'],
  ['expiry', 'integer'],
]);

/** Makes an error about the whole file. */
export function refuse(file: string, what: string, cause?: unknown): TablecastError {
  return new TablecastError('IMPORT_INVALID', `${basename(file)} ${what}.`, {
    hint: 'Give a file that Zeek wrote for a table with &backend=Broker::SQLITE, copied while Zeek was stopped.',
    cause,
  });
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Returns the file's bytes, so that not even a lock or an index of a write-ahead log is left beside it. With
 * a journal beside it, or too large, SQLite opens the file itself and refuses an unfinished write.
 */
function source(file: string): string | Buffer {
  if (sizeOf(`${file}-wal`) > 0 || sizeOf(`${file}-journal`) > 0 || sizeOf(file) > maxCopiedBytes)
    return file;
  const bytes = readFileSync(file);
  if (bytes.length < 100 || bytes.toString('latin1', 0, 16) !== 'SQLite format 3\0') {
    throw refuse(file, 'is no SQLite database');
  }
  // Bytes 18 and 19 say "write-ahead log"; there is none to read, and a copy in memory cannot have one.
  bytes.fill(1, 18, 20);
  return bytes;
}

/** Opens the file read-only. @throws TablecastError `IMPORT_INVALID` */
export function openDatabase(file: string): Database.Database {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) throw refuse(file, 'is no regular file');
  try {
    const from = source(file);
    const database = new Database(from, { readonly: true });
    // A file from elsewhere is data: its schema may not run functions, nor may damaged pages be believed.
    database.unsafeMode(false);
    database.pragma('trusted_schema = OFF');
    database.pragma('cell_size_check = ON');
    database.pragma('query_only = ON');
    return database;
  } catch (error) {
    if (isTablecastError(error)) throw error;
    throw refuse(
      file,
      `cannot be opened (${error instanceof Error ? error.message : 'unknown reason'})`,
      error,
    );
  }
}

/** Returns the version of Broker that made the file. @throws TablecastError `IMPORT_INVALID` for another layout */
export function checkLayout(file: string, database: Database.Database): string {
  const objects = database
    .prepare<[], { type: string; name: string }>('SELECT type, name FROM sqlite_schema')
    .all();
  const unexpected = objects.find(
    ({ type, name }) => type === 'view' || type === 'trigger' || name.length > 100,
  );
  if (unexpected !== undefined) throw refuse(file, `has a ${unexpected.type}, which Broker never makes`);
  const columns = database
    .prepare<[], { name: string; type: string; hidden: number }>('PRAGMA table_xinfo(store)')
    .all();
  const right =
    columns.length === wantedColumns.size &&
    columns.every(({ name, type, hidden }) => hidden === 0 && wantedColumns.get(name) === type.toLowerCase());
  if (!right) throw refuse(file, 'has no table store(key blob, value blob, expiry integer)');
  const version = database
    .prepare<[], { value: unknown }>("SELECT value FROM meta WHERE key = 'broker_version'")
    .get()?.value;
  return typeof version === 'string' ? version.slice(0, 40) : 'unknown';
}

/** Returns the values of a row. @throws TablecastError `IMPORT_INVALID` or `LIMIT_EXCEEDED` */
export function readRow(row: StoredRow): {
  key: ZeekData;
  value: ZeekData;
  expiry: bigint | undefined;
  escaped: boolean;
} {
  const { key, value, expiry } = row;
  const stored = value === null ? new Uint8Array([0]) : value;
  if (!(key instanceof Uint8Array) || !(stored instanceof Uint8Array)) {
    throw new TablecastError('IMPORT_INVALID', 'A row of the Broker store has no binary key or value.', {
      hint: 'The file was not written by Broker.',
    });
  }
  if (key.length > maxBlobBytes || stored.length > maxBlobBytes) {
    throw new TablecastError(
      'LIMIT_EXCEEDED',
      `A row of the Broker store is larger than ${maxBlobBytes} bytes.`,
      {
        hint: 'Such a row cannot be imported.',
        details: { limit: maxBlobBytes },
      },
    );
  }
  const readKey = readBinary(key);
  const readValue = readBinary(stored);
  return {
    key: readKey.data,
    value: readValue.data,
    expiry: typeof expiry === 'bigint' ? expiry : undefined,
    escaped: readKey.escaped || readValue.escaped,
  };
}

/** Returns the rows in the file's order. */
export function rows(database: Database.Database): Iterable<StoredRow> {
  return database.prepare<[], StoredRow>('SELECT key, value, expiry FROM store').safeIntegers(true).iterate();
}

/** Runs a step on the file; what SQLite reports becomes an error of ours. */
export function guarded<T>(file: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (isTablecastError(error)) throw error;
    throw refuse(file, `is damaged (${error instanceof Error ? error.message : 'unknown reason'})`, error);
  }
}
