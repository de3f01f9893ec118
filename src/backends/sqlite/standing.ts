import { statSync } from 'node:fs';
import { TablecastError } from '../../errors.ts';

/** A file, and which one it was when it was opened. */
interface Known {
  readonly path: string;
  readonly device: number;
  readonly inode: number;
}

/**
 * The files of an open database, as long as they stand under their names. Who removes, moves or replaces
 * them takes away everything that is written from then on, and SQLite goes on writing without a word:
 * a commit is there for the next process that opens the name, or it is not committed.
 */
export class StandingFiles {
  readonly #file: string;
  readonly #known: readonly Known[];

  /** Stands for the files of a database that this process has open; its write-ahead log exists. */
  constructor(file: string) {
    this.#file = file;
    this.#known = [file, `${file}-wal`].map((path) => {
      const { dev, ino } = statSync(path);
      return { path, device: dev, inode: ino };
    });
  }

  /**
   * Makes the error for a file that is gone, moved or replaced; undefined while all stand. Two calls of the
   * system.
   */
  problem(): TablecastError | undefined {
    for (const known of this.#known) {
      const found = statSync(known.path, { throwIfNoEntry: false });
      if (found?.ino === known.inode && found.dev === known.device) continue;
      return gone(this.#file, known.path, found === undefined ? 'removed or moved' : 'replaced');
    }
    return undefined;
  }
}

function gone(file: string, path: string, what: string): TablecastError {
  return new TablecastError(
    'BACKEND_FAILED',
    `${path} was ${what} while this node has the database open: what is written is lost with the process.`,
    {
      hint: 'The rows are still in this node: export what is needed (tablecast export --peer), then put the database back or restore a backup, and start the node again.',
      details: { file },
    },
  );
}
