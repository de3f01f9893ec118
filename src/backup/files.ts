import { createHash } from 'node:crypto';
import {
  type Stats,
  closeSync,
  createReadStream,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { asTablecastError } from '../backends/sqlite/failure.ts';
import { lockFile } from '../backends/sqlite/lock.ts';
import { syncDirectory } from '../backends/sqlite/open-store.ts';
import { TablecastError, isTablecastError } from '../errors.ts';

const LOCK = 'unfinished';

/** What is at a path; undefined where nothing is. Throws `BACKEND_READ_ONLY` or `BACKEND_FAILED` when that cannot be told. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw asTablecastError(error, { file: path, action: 'read' });
  }
}

/** A lock that a killed process may leave in a directory; it means nothing. */
export const LOCK_FILE: string = `${LOCK}.lock`;

/** SHA-256 of a file, in hexadecimal digits. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Writes a small file of which the content is on disk when this returns. */
export function writeSynced(file: string, text: string): void {
  writeFileSync(file, text, { flush: true, mode: 0o600, flag: 'wx' });
}

/** Makes durable what was written to a file by others. */
export function syncFile(file: string): void {
  const descriptor = openSync(file, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Throws `BACKEND_FULL` when a directory's disk has clearly less room than needed; a retry can succeed. */
export function requireSpace(directory: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize >= bytes) return;
  throw new TablecastError(
    'BACKEND_FULL',
    `The disk of ${directory} is full: ${bytes} bytes are needed, ${bavail * bsize} are free.`,
    {
      hint: 'Free space, or name another disk; nothing was written.',
      details: { file: directory, needed: bytes, free: bavail * bsize },
      retryable: true,
    },
  );
}

/**
 * Makes a directory that is there completely or not at all: `fill` writes into `<target>.partial`, which is
 * then synced and renamed. What a killed process left of it is removed by the next call for this target.
 *
 * Throws `OPTION_INVALID` when the target exists or its parent does not, `BACKEND_IN_USE` when another
 * process fills it, what `fill` throws, and `BACKEND_FULL` or `BACKEND_FAILED`; nothing is left then.
 */
export async function makeDirectory<T>(target: string, fill: (partial: string) => Promise<T>): Promise<T> {
  const path = resolve(target);
  requireAbsent(path);
  const partial = `${path}.partial`;
  try {
    mkdirSync(partial, { recursive: true, mode: 0o700 });
    const lock = lockFile(join(partial, LOCK), 'a backup or restore');
    try {
      for (const name of readdirSync(partial)) {
        if (!name.startsWith(LOCK_FILE)) rmSync(join(partial, name), { recursive: true, force: true });
      }
      const result = await fill(partial);
      syncDirectory(partial);
      requireAbsent(path);
      renameSync(partial, path);
      rmSync(join(path, LOCK_FILE), { force: true });
      syncDirectory(path);
      syncDirectory(dirname(path));
      return result;
    } finally {
      lock.release();
    }
  } catch (error) {
    // Another process is at work in there.
    if (!isTablecastError(error, 'BACKEND_IN_USE')) rmSync(partial, { recursive: true, force: true });
    throw asTablecastError(error, { file: path, action: 'write' });
  }
}

function requireAbsent(path: string): void {
  if (statOf(path) !== undefined) {
    throw new TablecastError('OPTION_INVALID', `${path} exists already; nothing was written.`, {
      hint: 'Name a directory that does not exist, or move that one away.',
      details: { file: path },
    });
  }
  const parent = dirname(path);
  if (statOf(parent)?.isDirectory() === true) return;
  throw new TablecastError('OPTION_INVALID', `There is no directory ${parent} for ${basename(path)}.`, {
    hint: 'Create it, or mount what belongs there, first.',
    details: { file: parent },
  });
}
