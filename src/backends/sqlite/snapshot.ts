import type { Recovery, Segment } from '../../log/backend.ts';
import { type Connection, openReading, openWriting, setSynchronous } from './connection.ts';
import { asTablecastError, damaged } from './failure.ts';
import { SegmentPages } from './pages.ts';
import { openToRead } from './reader.ts';
import { inspect } from './recovery.ts';

/** Pages copied in one step; between two steps the event loop comes round. */
const STEP_PAGES = 256;

/** Lines of SQLite's own check that are told of one file. */
const MAX_FINDINGS = 20;

/** One moment of a database file, held until `close`, whatever is committed to it meanwhile. */
export interface Snapshot {
  /** Size of the database at that moment, its write-ahead log included. */
  readonly bytes: number;
  /** Returns what SQLite's complete check finds, in its words; empty for a sound file. Throws `BACKEND_FAILED`. */
  structure(): readonly string[];
  /** Returns what a node would find. Throws `BACKEND_FOREIGN`, `BACKEND_NEWER` or `BACKEND_DAMAGED`. */
  inspect(): Recovery;
  /** As `Backend.read`. Throws `LOG_TRIMMED` or `BACKEND_DAMAGED`. */
  read(after: number, maxBytes: number): readonly Segment[];
  /** Writes this moment into a new file, page by page. Rejects with `BACKEND_FULL` or `BACKEND_FAILED`. */
  copyTo(target: string, onCopied?: (bytes: number) => void): Promise<void>;
  close(): void;
}

class HeldSnapshot implements Snapshot {
  readonly #connection: Connection;
  readonly #name: string;
  readonly #closed: () => void;
  #pages: SegmentPages | undefined;

  constructor(connection: Connection, name: string, closed: () => void) {
    this.#connection = connection;
    this.#name = name;
    this.#closed = closed;
  }

  get bytes(): number {
    const pages = Number(this.#connection.pragma('page_count', { simple: true }));
    return pages * Number(this.#connection.pragma('page_size', { simple: true }));
  }

  structure(): readonly string[] {
    try {
      const found = this.#connection.pragma(`integrity_check(${MAX_FINDINGS})`) as readonly {
        readonly integrity_check: string;
      }[];
      return found.map((row) => row.integrity_check).filter((line) => line !== 'ok');
    } catch (error) {
      const failure = asTablecastError(error, { file: this.#name, action: 'check' });
      // So damaged that the check cannot go on: that is a finding, too.
      if (failure.code === 'BACKEND_DAMAGED') return [failure.message];
      throw failure;
    }
  }

  inspect(): Recovery {
    return this.#attempt('read', () => inspect(this.#connection, this.#name, 'loaded').recovery);
  }

  read(after: number, maxBytes: number): readonly Segment[] {
    return this.#attempt('read', () => {
      this.#pages ??= new SegmentPages(this.#connection, this.#name);
      return this.#pages.read(after, maxBytes);
    });
  }

  async copyTo(target: string, onCopied?: (bytes: number) => void): Promise<void> {
    const pageBytes = Number(this.#connection.pragma('page_size', { simple: true }));
    try {
      await this.#connection.backup(target, {
        progress: ({ totalPages, remainingPages }) => {
          onCopied?.((totalPages - remainingPages) * pageBytes);
          return STEP_PAGES;
        },
      });
    } catch (error) {
      throw asTablecastError(error, { file: target, action: 'copy the database to' });
    }
  }

  close(): void {
    this.#connection.close();
    this.#closed();
  }

  #attempt<T>(action: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw asTablecastError(error, { file: this.#name, action });
    }
  }
}

/**
 * Holds one moment of a database file, also of one that a node writes to: everything committed before
 * the call, nothing committed after it. A writing node is not stopped, but its write-ahead log cannot
 * be reset before `close` and grows meanwhile.
 *
 * Throws `BACKEND_FOREIGN`, `BACKEND_DAMAGED`, `BACKEND_READ_ONLY` or `BACKEND_FAILED`.
 */
export function openSnapshot(file: string): Snapshot {
  return openToRead(file, (path, name, closed) => {
    const connection = openReading(path);
    try {
      connection.exec('BEGIN');
      // SQLite takes the moment with the first read.
      const tables: unknown = connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
      if (tables === 0) throw damaged(name, 'it is empty');
      return new HeldSnapshot(connection, name, closed);
    } catch (error) {
      connection.close();
      throw error;
    }
  });
}

/** Makes a closed database one file that is read without others beside it, synced. Throws a `TablecastError`. */
export function withoutWal(file: string): void {
  try {
    const connection = openWriting(file, true);
    try {
      setSynchronous(connection, 'FULL');
      connection.pragma('journal_mode = DELETE');
    } finally {
      connection.close();
    }
  } catch (error) {
    throw asTablecastError(error, { file, action: 'close' });
  }
}
