/** The tables of a Broker store's file, and its rows as bytes. */
import type Database from 'better-sqlite3';
import { TablecastError } from '../../errors.ts';
import type { ZeekData } from '../protocol/data/zeek-data.ts';
import { checkSize, hasColumns, type Refusal, refusal, tableNames } from '../store-files/sqlite-file.ts';
import { readBinary } from './binary.ts';

/** A row as SQLite gives it. */
export interface StoredRow {
  readonly key: unknown;
  readonly value: unknown;
  readonly expiry: unknown;
}

const columns = { key: ['blob'], value: ['blob'], expiry: ['integer'] };

/** Makes an error about the whole file. */
export const refuse: Refusal = refusal(
  'Give a file that Zeek wrote for a table with &backend=Broker::SQLITE, copied while Zeek was stopped.',
);

/** Returns the version of Broker that made the file. @throws TablecastError `IMPORT_INVALID` for another layout */
export function checkLayout(file: string, database: Database.Database): string {
  const names = tableNames(file, database, refuse);
  if (!hasColumns(database, 'store', columns)) {
    if (names.includes('zeek_storage_expiry_runs')) throw refuseStorage(file, 'is of the storage framework');
    throw refuse(file, 'has no table store(key blob, value blob, expiry integer)');
  }
  const version = database
    .prepare<[], { value: unknown }>("SELECT value FROM meta WHERE key = 'broker_version'")
    .get()?.value;
  return typeof version === 'string' ? version.slice(0, 40) : 'unknown';
}

const refuseStorage = refusal(
  "Zeek's storage framework wrote it: `tablecast import --storage FILE`, or `readStorageFile`, reads it.",
);

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
  checkSize(key, stored);
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
