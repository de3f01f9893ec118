import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { asTablecastError } from '../backends/sqlite/failure.ts';
import { TablecastError } from '../errors.ts';
import type { BackupSummary } from './backup.ts';
import { makeDirectory, requireSpace, sha256Of, statOf, syncFile } from './files.ts';
import { databaseName, readManifest, unsoundBackup } from './manifest.ts';
import type { OnFileProgress } from './progress.ts';
import { verifyFiles } from './verify.ts';

/** Bytes that are copied at a time. */
const COPIED_BYTES = 1024 * 1024;

/** The options of a restore say which backup is restored, and where. */
export interface RestoreOptions {
  /** Names a directory that {@link createBackup} made. */
  readonly backup: string;
  /** Names the node's new directory; its parent must exist, it must not. */
  readonly directory: string;
  /** Is told how far it is. */
  readonly onProgress?: OnFileProgress | undefined;
}

/**
 * Makes a node's directory of a backup, after looking through all of the backup. Nothing that exists is
 * touched, and a killed process leaves no directory under that name. A node opened there begins a new life
 * at once: it may be written to before it meets its peers, and takes back from them what it wrote after
 * the backup.
 *
 * Throws `BACKEND_DAMAGED` for a backup that is not sound, `OPTION_INVALID` when the directory exists or
 * the backup does not, `BACKEND_FULL` (retryable), `BACKEND_NEWER`, `BACKEND_IN_USE` or `BACKEND_FAILED`.
 */
export async function restoreBackup(options: RestoreOptions): Promise<BackupSummary> {
  const backup = resolve(options.backup);
  const directory = resolve(options.directory);
  const found = statOf(backup);
  if (found?.isDirectory() !== true) {
    const missing = found === undefined;
    const problem = missing ? `There is no directory ${backup}.` : `${backup} is no directory, so no backup.`;
    throw new TablecastError(missing ? 'OPTION_INVALID' : 'BACKEND_FAILED', problem, {
      hint: 'Name a directory that `tablecast backup` made.',
      details: { file: backup },
    });
  }
  const { onProgress } = options;
  return makeDirectory(directory, async (partial) => {
    const { node, position, bytes, createdAt, tables } = await soundBackup(backup, onProgress);
    const from = join(backup, databaseName(node));
    const to = join(partial, databaseName(node));
    requireSpace(partial, bytes);
    await copyChecked(from, to, (done) => onProgress?.({ step: 'copy', done, total: bytes }));
    if ((await sha256Of(from, onProgress)) !== (await sha256Of(to, onProgress))) {
      throw unsoundBackup(
        backup,
        'it changed while it was copied, or the disk gives back other bytes than were written',
      );
    }
    return { directory, node, position, bytes, createdAt, tables };
  });
}

async function soundBackup(backup: string, onProgress: OnFileProgress | undefined) {
  const { kind, damages } = await verifyFiles(backup, { onProgress });
  if (kind !== 'backup') throw unsoundBackup(backup, 'it has no manifest');
  const [damage] = damages;
  if (damage !== undefined) throw unsoundBackup(backup, `${damage.file}: ${damage.problem}`);
  return readManifest(backup);
}

async function copyChecked(from: string, to: string, onCopied: (bytes: number) => void): Promise<void> {
  let done = 0;
  const source = createReadStream(from, { highWaterMark: COPIED_BYTES });
  source.on('data', (chunk) => onCopied((done += chunk.length)));
  try {
    await pipeline(source, createWriteStream(to, { flags: 'wx', mode: statSync(from).mode }));
    syncFile(to);
  } catch (error) {
    throw asTablecastError(error, { file: to, action: 'copy the backup to' });
  }
}
