import { lstatSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { TablecastError } from '../../errors.ts';
import { asTablecastError } from './failure.ts';

/** Bounds how often a lock is asked for again that was lost between writing the owner and holding it. */
const MAX_ATTEMPTS = 3;
/** Bounds how long readers of a file may take to end. */
const ALONE_TIMEOUT_MS = 2000;

/** A lock on a database file, held until `release` or the end of the process. */
export interface FileLock {
  /** Identifies the file it is held on: another one under the same name is no lock. */
  readonly identity: number;
  release(): void;
}

function ownerOf(lock: Database.Database): string {
  try {
    const row: unknown = lock.prepare('SELECT node, pid FROM owner').get();
    if (typeof row === 'object' && row !== null && 'node' in row && 'pid' in row) {
      return `node ${JSON.stringify(row.node)}, process ${String(row.pid)}`;
    }
  } catch {
    // Only for the message: the lock itself has already said no.
  }
  return 'another node or process';
}

/** The number of a file, as far as a number of JavaScript holds it. */
function identityOf(path: string): number {
  return statSync(path).ino % 2 ** 48;
}

/** Throws `BACKEND_FAILED` for a link, a pipe or a directory in the place of a lock: SQLite would write through it. */
function requireOwnFile(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return;
  throw new TablecastError('BACKEND_FAILED', `${path} is no regular file, so no lock can be there.`, {
    hint: 'Find out who made it, and remove it; it was left as it is.',
    details: { file: path },
  });
}

/**
 * Throws `BACKEND_IN_USE` when any other connection has the database open. For a file whose last owner held
 * another lock file than the present one and did not close it: its lock file may have been removed while it runs.
 */
export function requireAlone(file: string): void {
  const connection = new Database(file, { fileMustExist: true, timeout: ALONE_TIMEOUT_MS });
  try {
    // Without shared memory a write-ahead log can only be read by one who is alone, and SQLite sees to that.
    connection.pragma('locking_mode = EXCLUSIVE');
    connection.pragma('user_version');
  } catch (error) {
    if (!isBusy(error)) throw error;
    throw new TablecastError(
      'BACKEND_IN_USE',
      `${file} is open in another process, whose lock ${file}.lock was removed`,
      {
        hint: 'Stop the other node; if there is none, end whatever reads the file (tablecast log, backup), and start again.',
        details: { file },
        cause: error,
      },
    );
  } finally {
    connection.close();
  }
}

function hold(lock: Database.Database, owner: string): void {
  lock.exec('BEGIN IMMEDIATE');
  lock.exec('CREATE TABLE IF NOT EXISTS owner (node TEXT NOT NULL, pid INTEGER NOT NULL) STRICT');
  lock.exec('DELETE FROM owner');
  lock.prepare('INSERT INTO owner VALUES (?, ?)').run(owner, process.pid);
  lock.exec('COMMIT');
  // A reserved lock keeps every other writer out and lets others read whose it is.
  lock.exec('BEGIN IMMEDIATE');
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY');
}

/**
 * Takes the lock of a database file for this process: SQLite's own write lock on `<file>.lock`, a
 * tiny database beside it. The operating system releases it however the process ends, also by
 * SIGKILL; the file stays and means nothing by itself. Readers of the database are not concerned.
 * Throws `BACKEND_IN_USE` with the owner; for local disks only, as SQLite's locks are.
 */
export function lockFile(file: string, owner: string): FileLock {
  const path = `${file}.lock`;
  let lock: Database.Database | undefined;
  try {
    requireOwnFile(path);
    lock = new Database(path, { timeout: 0 });
    // Nothing in it has to last, but a power loss must not leave a torn file that no later start can lock.
    lock.pragma('synchronous = FULL');
    for (let attempt = 1; ; attempt += 1) {
      try {
        hold(lock, owner);
        const held = lock;
        return { identity: identityOf(path), release: () => void held.close() };
      } catch (error) {
        if (!isBusy(error) || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  } catch (error) {
    const inUse = lock !== undefined && isBusy(error) ? ownerOf(lock) : undefined;
    lock?.close();
    if (inUse === undefined) throw asTablecastError(error, { file: path, action: 'take the lock' });
    throw new TablecastError('BACKEND_IN_USE', `${file} is in use by ${inUse}`, {
      hint: 'Stop the other node, or give this one a directory of its own.',
      details: { file },
      cause: error,
    });
  }
}
