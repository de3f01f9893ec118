/** A SQLite file that Zeek left behind: opened so that nothing of it is believed or changed. */
import type { Buffer } from 'node:buffer';
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import Database from 'better-sqlite3';
import { isTablecastError, TablecastError } from '../../errors.ts';

/** Makes an error about a whole file, with what to do about a file of this kind. */
export type Refusal = (file: string, what: string, cause?: unknown) => TablecastError;

const maxCopiedBytes = 256 * 1024 * 1024;
const maxBlobBytes = 64 * 1024 * 1024;

/** Returns what refuses files of one kind. */
export function refusal(hint: string): Refusal {
  return (file, what, cause) =>
    new TablecastError('IMPORT_INVALID', `${basename(file)} ${what}.`, { hint, cause });
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Returns the file's bytes, so that not even a lock or an index of a write-ahead log is left beside it. With
 * a journal beside it, or too large, SQLite opens the file itself and refuses an unfinished write.
 */
function source(file: string, refuse: Refusal): string | Buffer {
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
export function openDatabase(file: string, refuse: Refusal): Database.Database {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) throw refuse(file, 'is no regular file');
  try {
    const from = source(file, refuse);
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

/** Returns the names of the file's tables. Throws `IMPORT_INVALID` for what Zeek never makes: views, triggers. */
export function tableNames(file: string, database: Database.Database, refuse: Refusal): readonly string[] {
  const objects = database
    .prepare<[], { type: string; name: string }>('SELECT type, name FROM sqlite_schema')
    .all();
  const unexpected = objects.find(
    ({ type, name }) => type === 'view' || type === 'trigger' || name.length > 100,
  );
  if (unexpected !== undefined) throw refuse(file, `has a ${unexpected.type}, which Zeek never makes`);
  return objects.filter(({ type }) => type === 'table').map(({ name }) => name);
}

/** Returns true when a table has these columns and no others, each of one of its types. */
export function hasColumns(
  database: Database.Database,
  table: string,
  wanted: Readonly<Record<string, readonly string[]>>,
): boolean {
  const columns = database
    .prepare<[string], { name: string; type: string; hidden: number }>('SELECT * FROM pragma_table_xinfo(?)')
    .all(table);
  return (
    columns.length === Object.keys(wanted).length &&
    columns.every(
      ({ name, type, hidden }) =>
        hidden === 0 && Object.hasOwn(wanted, name) && wanted[name]?.includes(type.toLowerCase()) === true,
    )
  );
}

/** Throws `LIMIT_EXCEEDED` for a key or a value that no row can have. */
export function checkSize(...parts: readonly Uint8Array[]): void {
  if (parts.every((part) => part.length <= maxBlobBytes)) return;
  throw new TablecastError('LIMIT_EXCEEDED', `A row of the file is larger than ${maxBlobBytes} bytes.`, {
    hint: 'Such a row cannot be imported.',
    details: { limit: maxBlobBytes },
  });
}

/** Runs a step on the file; what SQLite reports becomes an error of ours. */
export function guarded<T>(file: string, refuse: Refusal, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (isTablecastError(error)) throw error;
    throw refuse(file, `is damaged (${error instanceof Error ? error.message : 'unknown reason'})`, error);
  }
}
