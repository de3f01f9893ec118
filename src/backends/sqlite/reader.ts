import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { TablecastError } from '../../errors.ts';
import type { Recovery, Segment } from '../../log/backend.ts';
import { openReading } from './connection.ts';
import { asTablecastError } from './failure.ts';
import { PagedReader } from './paged-reader.ts';
import { inspect } from './recovery.ts';

/** A database file open for reading only. */
export interface ReadOnlyStore {
  /** Is what a node would find; a torn last segment is reported and left where it is. */
  readonly recovery: Recovery;
  /** As `Backend.read`; sees what is committed when it is called. Throws `LOG_TRIMMED` or `BACKEND_DAMAGED`. */
  read(after: number, maxBytes: number): readonly Segment[];
  close(): void;
}

function inspectFile(file: string, name: string): Recovery {
  const connection = openReading(file);
  try {
    // One transaction: the file may be a running node's.
    return connection.transaction(() => inspect(connection, name, 'everything').recovery)();
  } finally {
    connection.close();
  }
}

function open(file: string, name: string, closed: () => void): ReadOnlyStore {
  const recovery = inspectFile(file, name);
  const reader = new PagedReader(file, name);
  return {
    recovery,
    read: (after, maxBytes) => reader.read(after, maxBytes),
    close: () => {
      reader.close();
      closed();
    },
  };
}

/** Opens a file under a name for messages; `closed` is to be called when it is closed. */
type Opening<T> = (file: string, name: string, closed: () => void) => T;

/** A write-ahead log needs files beside the database; where none can be made, a copy elsewhere is read. */
function openCopy<T>(file: string, opening: Opening<T>): T {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    const copy = join(directory, 'copy.db');
    for (const suffix of ['', '-wal']) {
      if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    }
    return opening(copy, file, remove);
  } catch (error) {
    remove();
    throw error;
  }
}

function needsFilesBeside(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return code === 'SQLITE_CANTOPEN' || (typeof code === 'string' && code.startsWith('SQLITE_READONLY'));
}

/**
 * Opens a database file to look at it, also while a node has it open, and never changes it. The
 * whole file is checked first, which takes time with its size. In a directory that cannot be
 * written and where no node has the file open, a copy in the system's temporary directory is
 * read and removed by `close`.
 *
 * Throws `BACKEND_FOREIGN`, `BACKEND_NEWER`, `BACKEND_DAMAGED`, `BACKEND_READ_ONLY` (it may not be read) or
 * `BACKEND_FAILED` (it is not there, or not a file).
 */
export function openReadOnly(file: string): ReadOnlyStore {
  return openToRead(file, open);
}

/** As {@link openReadOnly}, for another way to look at the file. */
export function openToRead<T>(file: string, opening: Opening<T>): T {
  const path = resolve(file);
  try {
    if (!statSync(path).isFile()) {
      throw new TablecastError('BACKEND_FAILED', `${path} is not a regular file`, {
        hint: 'Give the path of a database file.',
        details: { file: path },
      });
    }
    try {
      return opening(path, path, () => undefined);
    } catch (error) {
      if (!needsFilesBeside(error)) throw error;
      return openCopy(path, opening);
    }
  } catch (error) {
    throw asTablecastError(error, { file: path, action: 'read' });
  }
}
