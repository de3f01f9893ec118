/** Reads the SQLite files that Zeek's `&backend=Broker::SQLITE` tables leave behind. */
import { basename } from 'node:path';
import type Database from 'better-sqlite3';
import { isTablecastError, TablecastError } from '../../errors.ts';
import { none, type ZeekData } from '../protocol/data/zeek-data.ts';
import { decodeValue } from '../protocol/values/decode.ts';
import type { ZeekKey } from '../protocol/table-changes.ts';
import { parseZeekType } from '../protocol/zeek-type-parser.ts';
import type { ZeekType } from '../protocol/zeek-type.ts';
import type { DerivedDeclaration, ZeekTable } from '../protocol/zeek-table.ts';
import { declared, decodedRows, tableOf } from '../store-files/rows.ts';
import { guarded, openDatabase } from '../store-files/sqlite-file.ts';
import { checkLayout, readRow, refuse, rows, type StoredRow } from './file.ts';
import { TableGuess } from './infer.ts';

/** The options say of which type a store's content is. */
export interface BrokerStoreOptions {
  /** Is the table's type in Zeek's words; left out, it is guessed from the content. */
  readonly type?: string | undefined;
  /** Describes the types that `type` mentions by name. */
  readonly types?: Readonly<Record<string, string>> | undefined;
}

/** An entry is one row of a store. */
export interface BrokerStoreEntry {
  /** Is an array where there are several index columns. */
  readonly key: ZeekKey;
  /** Is undefined for a set. */
  readonly value: ReturnType<typeof decodeValue> | undefined;
  /** Says when Broker would delete the row: nanoseconds since 1970. */
  readonly expiry: bigint | undefined;
  /**
   * Is true when a string of the row is not UTF-8: its text has code points that stand for bytes, see
   * `textOfBytes`.
   */
  readonly escaped: boolean;
}

/** A store is Broker's file of one table, open for reading. */
export interface BrokerStore {
  /** Is the table's qualified name, from the file's name; undefined if the file was renamed. */
  readonly tableName: string | undefined;
  /** Is the version of Broker that made the file. */
  readonly brokerVersion: string;
  readonly size: number;
  /** Is the table's type, given or guessed; undefined for an empty store when none was given. */
  readonly type: ZeekType | undefined;
  /** Is the Tablecast declaration of it; undefined where the type is, or where it cannot be declared. */
  readonly declaration: DerivedDeclaration | undefined;
  /**
   * Gives the rows in the file's order, one read from disk at a time.
   *
   * @param onUnreadable - told of each row that is damaged or of another type, which is then left out
   * @throws TablecastError `IMPORT_INVALID` where the file itself is damaged, and without `onUnreadable` at a row that is
   *   damaged; `VALUE_INVALID` at one of another type
   */
  entries(onUnreadable?: (error: TablecastError) => void): Iterable<BrokerStoreEntry>;
  /** Releases the file. Idempotent. */
  close(): void;
}

const storePrefix = '___sync_store_';

/**
 * Returns the table's name: `___sync_store_Known::hosts.sqlite`; on Windows colons are underscores, so no
 * name there.
 */
function tableNameOf(file: string): string | undefined {
  const name = basename(file, '.sqlite');
  const table = name.startsWith(storePrefix) ? name.slice(storePrefix.length) : undefined;
  return table !== undefined && /^[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*$/.test(table)
    ? table
    : undefined;
}

function typeOf(database: Database.Database, options: BrokerStoreOptions): ZeekType | undefined {
  if (options.type !== undefined) {
    return parseZeekType(options.type, new Map(Object.entries(options.types ?? {})));
  }
  const guess = new TableGuess();
  let damage: unknown;
  try {
    for (const row of rows(database)) damage = guessed(guess, row) ?? damage;
  } catch (error) {
    damage = error;
  }
  const type = guess.type();
  // The rows before the damage say enough; their reader comes to it.
  if (type === undefined && damage !== undefined) throw damage;
  return type;
}

/** Looks at a row; gives back why it cannot be read. */
function guessed(guess: TableGuess, row: StoredRow): TablecastError | undefined {
  try {
    const { key, value } = readRow(row);
    guess.add(key, value);
    return undefined;
  } catch (error) {
    if (isTablecastError(error)) return error;
    throw error;
  }
}

function decodeKey(table: ZeekTable, data: ZeekData): ZeekKey {
  const [only] = table.index;
  if (table.index.length === 1 && only !== undefined) return decodeValue(only, data, 'The key');
  if (data.type !== 'vector' || data.data.length !== table.index.length) {
    throw new TablecastError(
      'IMPORT_INVALID',
      `A key of the Broker store has not ${table.index.length} columns.`,
      {
        hint: 'Give the type of the table as its Zeek script declares it.',
      },
    );
  }
  return Object.freeze(
    table.index.map((type, at) => decodeValue(type, data.data[at] ?? none, `Key column ${at + 1}`)),
  );
}

function decodeRow(table: ZeekTable, row: StoredRow): BrokerStoreEntry {
  const { key, value, expiry, escaped } = readRow(row);
  if (table.value === undefined && value.type !== 'none') {
    throw new TablecastError(
      'IMPORT_INVALID',
      `The Broker store holds a ${value.type} where a set is declared.`,
      {
        hint: 'Give the type of the table as its Zeek script declares it.',
      },
    );
  }
  const decoded = table.value === undefined ? undefined : decodeValue(table.value, value, 'The value');
  return { key: decodeKey(table, key), value: decoded, expiry, escaped };
}

/**
 * Opens the file of a `&backend=Broker::SQLITE` table, read-only; the file is not changed. A store of up
 * to 256 MiB without a journal is read into memory whole.
 *
 * Content with rows of several types needs `options.type`. Rows whose deadline has passed are given
 * as well: what to do with them is the caller's choice.
 *
 * @throws TablecastError `IMPORT_INVALID` for a file that is not such a store or is damaged,
 *   `DECLARATION_INVALID` for a type that cannot be read
 */
export function readBrokerStore(file: string, options: BrokerStoreOptions = {}): BrokerStore {
  const database = openDatabase(file, refuse);
  try {
    return guarded(file, refuse, () => {
      const brokerVersion = checkLayout(file, database);
      const tableName = tableNameOf(file);
      const type = typeOf(database, options);
      const table = tableOf(tableName, type);
      const size =
        database.prepare<[], { size: number }>('SELECT count(*) AS size FROM store').get()?.size ?? 0;
      if (table === undefined && size > 0)
        throw refuse(file, 'has rows of several types; give its Zeek type');
      return {
        tableName,
        brokerVersion,
        size,
        type,
        declaration: declared(table),
        entries: (onUnreadable) =>
          table === undefined
            ? []
            : decodedRows(
                { file, refuse, rows: () => rows(database) },
                (row) => decodeRow(table, row),
                onUnreadable,
              ),
        close: () => database.close(),
      };
    });
  } catch (error) {
    database.close();
    throw error;
  }
}
