import Database from 'better-sqlite3';
import { TablecastError } from '../../errors.ts';
import { DURABILITY_CODES, stateChecksum, type StateName } from './format.ts';

/** An open connection of better-sqlite3. */
export type Connection = Database.Database;

/** Durability says how the writing connection commits. */
export type Durability = keyof typeof DURABILITY_CODES;

const SYNCHRONOUS = { NORMAL: 1, FULL: 2 } as const;

/** Bounds how long a connection waits for a lock another program holds. */
const BUSY_TIMEOUT_MS = 2000;

/**
 * Bounds what a connection keeps of the file, in KiB: as SQLite's own default, an eighth of better-sqlite3's.
 * The system keeps the file as well, and what was checked at opening is not read again.
 */
const CACHE_KIB = 2000;

function guard(connection: Connection): Connection {
  connection.pragma('trusted_schema = OFF');
  connection.pragma('cell_size_check = ON');
  connection.pragma(`cache_size = -${CACHE_KIB}`);
  return connection;
}

/** Makes a connection that can only read; throws what better-sqlite3 throws. */
export function openReading(file: string): Connection {
  const connection = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  return guard(connection);
}

/**
 * Makes the one connection that writes: WAL, no automatic checkpoints (the store runs them where it can see
 * their errors).
 */
export function openWriting(file: string, fileMustExist: boolean): Connection {
  const connection = new Database(file, { fileMustExist, timeout: BUSY_TIMEOUT_MS });
  return guard(connection);
}

/**
 * Sets `PRAGMA synchronous` and reads it back. better-sqlite3 is built so that a WAL database falls
 * to NORMAL at every open and after the first write, so this is never left to a default.
 */
export function setSynchronous(connection: Connection, level: keyof typeof SYNCHRONOUS): void {
  connection.pragma(`synchronous = ${level}`);
  requireSynchronous(connection, level);
}

/** Throws `BACKEND_FAILED` unless the connection is at the level or above. */
export function requireSynchronous(connection: Connection, level: keyof typeof SYNCHRONOUS): void {
  const actual: unknown = connection.pragma('synchronous', { simple: true });
  if (typeof actual === 'number' && actual >= SYNCHRONOUS[level]) return;
  throw new TablecastError(
    'BACKEND_FAILED',
    `${connection.name} is at synchronous=${String(actual)} although ${level} was asked for`,
    {
      hint: 'The SQLite build does not keep the durability asked for; install an official build of better-sqlite3.',
    },
  );
}

/** Writes one row of `state`; the caller has begun a transaction or wants one of its own. */
export function writeState(connection: Connection, name: StateName, value: number): void {
  connection
    .prepare('INSERT OR REPLACE INTO state (name, "check", value) VALUES (?, ?, ?)')
    .run(name, stateChecksum(name, value), value);
}

/** Writes with which durability the file is written; as {@link writeState}. */
export function writeDurability(connection: Connection, durability: Durability): void {
  writeState(connection, 'durability', DURABILITY_CODES[durability]);
}
