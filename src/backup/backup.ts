import { rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Snapshot, openSnapshot, withoutWal } from '../backends/sqlite/snapshot.ts';
import { sqliteBackend } from '../backends/sqlite/sqlite-backend.ts';
import { TablecastError } from '../errors.ts';
import { nodeFact, readFacts } from '../projection/replay/recovery.ts';
import { makeDirectory, requireSpace, statOf, syncFile, writeSynced } from './files.ts';
import { MANIFEST_FILE, SUMS_FILE, databaseName, manifestText, sumsOf } from './manifest.ts';
import type { OnFileProgress } from './progress.ts';
import { verifyDatabase } from './verify-database.ts';

/** The options of a backup say which database is copied, and where to. */
export interface BackupOptions {
  /** Names the database of a node, `DIRECTORY/ID.tablecast.db`; the node may be running and writing. */
  readonly file: string;
  /** Names the directory to make; its parent must exist, it must not. */
  readonly target: string;
  /** Is told how far it is. */
  readonly onProgress?: OnFileProgress | undefined;
}

/** A summary describes a backup that was made or restored. */
export interface BackupSummary {
  /** Names the directory that was made. */
  readonly directory: string;
  readonly node: string;
  /** Is the last position of the log in it. */
  readonly position: number;
  /** Counts the bytes of the database. */
  readonly bytes: number;
  /** Says when the copy was begun, in ISO 8601: everything that was flushed before is in it. */
  readonly createdAt: string;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
}

/**
 * Copies a node's database while the node runs and writes: one moment of it, with everything that `flush()`
 * had confirmed before the call. The copy is checked as {@link verifyFiles} does, put beside checksums of all
 * its bytes, and named when all of it is on disk. A killed process leaves nothing under that name. A node
 * that opens the copy begins a new life, so that it gives no name twice.
 *
 * Throws `OPTION_INVALID` when the target exists or the file does not, `BACKEND_DAMAGED` when the database is
 * damaged, `BACKEND_FULL` (retryable), `BACKEND_IN_USE` when another process made this target meanwhile,
 * `BACKEND_READ_ONLY` or `BACKEND_FAILED`.
 */
export async function createBackup(options: BackupOptions): Promise<BackupSummary> {
  const file = resolve(options.file);
  const target = resolve(options.target);
  if (statOf(file) === undefined) {
    throw new TablecastError('OPTION_INVALID', `There is no file ${file}.`, {
      hint: 'A node writes its database there when it has a directory; check directory and id.',
      details: { file },
    });
  }
  return makeDirectory(target, async (partial) => {
    const createdAt = new Date();
    const { onProgress } = options;
    const node = await copy(file, partial, { createdAt, onProgress });
    const made = { node, directory: target, createdAt: createdAt.toISOString() };
    return describe(partial, made, onProgress);
  });
}

/** Copies the database into a directory, marked as a copy; returns whose it is. */
async function copy(
  file: string,
  directory: string,
  { createdAt, onProgress }: Pick<BackupOptions, 'onProgress'> & { readonly createdAt: Date },
): Promise<string> {
  const snapshot = openSnapshot(file);
  try {
    requireSpace(directory, snapshot.bytes);
    const node = ownerIn(snapshot, file);
    const path = join(directory, databaseName(node));
    const { bytes: total } = snapshot;
    const copied = (done: number): void => onProgress?.({ step: 'copy', done, total });
    await snapshot.copyTo(path, copied);
    copied(total);
    await markAsCopy(path, createdAt);
    return node;
  } finally {
    snapshot.close();
  }
}

function ownerIn(snapshot: Snapshot, file: string): string {
  const { node } = readFacts(snapshot.inspect());
  if (node !== undefined) return node.id;
  throw new TablecastError(
    'OPTION_INVALID',
    `No node has written ${file} yet: there is nothing to back up.`,
    {
      hint: 'Start the node once, or name another file.',
      details: { file },
    },
  );
}

/**
 * Through the ordinary store: a torn end is cut off, and the file is as after a clean close. At `interval`,
 * because that needs no space ahead and closing syncs all the same.
 */
async function markAsCopy(file: string, createdAt: Date): Promise<void> {
  const backend = sqliteBackend({ file, durability: 'interval', owner: 'a backup', inline: true });
  try {
    const { node } = readFacts(await backend.open());
    if (node !== undefined) {
      await backend.commit({ segments: [], facts: nodeFact({ ...node, copiedAt: createdAt.getTime() }) });
    }
  } finally {
    await backend.close();
  }
  withoutWal(file);
  rmSync(`${file}.lock`, { force: true });
  syncFile(file);
}

/** Looks through the copy, and writes down what it must stay. */
async function describe(
  partial: string,
  { node, directory, createdAt }: Pick<BackupSummary, 'node' | 'directory' | 'createdAt'>,
  onProgress: OnFileProgress | undefined,
): Promise<BackupSummary> {
  const file = join(partial, databaseName(node));
  const { database, damages } = await verifyDatabase(file, onProgress);
  const [damage] = damages;
  if (damage !== undefined) {
    throw new TablecastError(
      'BACKEND_DAMAGED',
      `The database is damaged, no backup was made: ${damage.problem}`,
      {
        hint: 'Keep earlier backups. `tablecast verify` lists the damage; peers that share the tables fill an empty directory.',
        details: { file: dirname(directory) },
      },
    );
  }
  const { position, trimmedTo, tables } = database;
  const { size: bytes } = statSync(file);
  writeSynced(
    join(partial, MANIFEST_FILE),
    manifestText({ node, createdAt, position, trimmedTo, bytes, tables }),
  );
  writeSynced(join(partial, SUMS_FILE), await sumsOf(partial, { node }, onProgress));
  return { directory, node, position, bytes, createdAt, tables };
}
