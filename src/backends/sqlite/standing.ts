import { existsSync, statSync } from 'node:fs';
import { TablecastError } from '../../errors.ts';
import { isWholeDatabase, isWholeLog } from './whole-file.ts';

/** A file, which one it was when it was opened, and how long it has been since. */
interface Known {
  readonly path: string;
  readonly isLog: boolean;
  readonly device: number;
  readonly inode: number;
  size: number;
}

/** Says which file of a database is not what it was. */
interface Taken {
  readonly path: string;
  readonly what: 'removed or moved' | 'replaced' | 'cut off';
}

/**
 * The files of an open database, as long as they stand under their names and are not cut off. Who removes, moves,
 * replaces or empties them takes away everything that is written from then on, and SQLite goes on writing without a
 * word: a commit is there for the next process that opens the name, or it is not committed.
 */
export class StandingFiles {
  readonly #file: string;
  readonly #known: readonly Known[];

  /** Stands for the files of a database that this process has open: its write-ahead log too, if there is one. */
  constructor(file: string) {
    this.#file = file;
    this.#known = [file, `${file}-wal`]
      .filter((path) => existsSync(path))
      .map((path) => {
        const { dev, ino, size } = statSync(path);
        return { path, isLog: path !== file, device: dev, inode: ino, size };
      });
  }

  /**
   * Makes the error for a file that is gone, moved, replaced or cut off; undefined while all stand. Two calls of the
   * system.
   */
  problem(): TablecastError | undefined {
    const taken = this.taken();
    return taken && gone(this.#file, taken);
  }

  /** Says which file is not what it was; undefined while all stand. */
  taken(): Taken | undefined {
    for (const known of this.#known) {
      const found = statSync(known.path, { throwIfNoEntry: false });
      if (found?.ino !== known.inode || found.dev !== known.device)
        return { path: known.path, what: found === undefined ? 'removed or moved' : 'replaced' };
      if (found.size < known.size && !isWhole(known, found.size))
        return { path: known.path, what: 'cut off' };
      // An empty log says nothing yet: SQLite itself may have emptied it, for another program that asked.
      if (found.size > 0) known.size = found.size;
    }
    return undefined;
  }
}

/** Returns whether SQLite itself made a file shorter: a log that begins anew, or a database without pages that were free. */
function isWhole({ path, isLog }: Known, size: number): boolean {
  return isLog ? size === 0 || isWholeLog(path, size) : isWholeDatabase(path, size);
}

function gone(file: string, { path, what }: Taken): TablecastError {
  return new TablecastError(
    'BACKEND_FAILED',
    `${path} was ${what} while this node has the database open: what is written is lost with the process.`,
    {
      hint: 'The rows are still in this node: export what is needed (tablecast export --peer), then put the database back or restore a backup, and start the node again.',
      details: { file },
    },
  );
}
