import { createHash, randomBytes } from 'node:crypto';
import {
  type Stats,
  closeSync,
  createReadStream,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { asTablecastError } from '../backends/sqlite/failure.ts';
import { lockFile } from '../backends/sqlite/lock.ts';
import { syncDirectory } from '../backends/sqlite/directories.ts';
import { TablecastError, isTablecastError } from '../errors.ts';
import type { OnFileProgress } from './progress.ts';

const LOCK = 'unfinished';
/** Stands behind the name of the target in the name of an unfinished one. */
const PARTIAL = /^[0-9a-f]{12}\.partial$/;
/** Files of an unfinished backup or restore. */
const OURS =
  /^(?:unfinished\.lock|manifest\.json|SHA256SUMS|.+\.tablecast\.db(?:-wal|-shm|\.lock)?)(?:-journal)?$/;

/**
 * Returns what is at a path; undefined where nothing is. Throws `BACKEND_READ_ONLY` or `BACKEND_FAILED` when
 * that cannot be told.
 */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return undefined;
    throw asTablecastError(error, { file: path, action: 'read' });
  }
}

/** A lock that a killed process may leave in a directory; it means nothing. */
export const LOCK_FILE: string = `${LOCK}.lock`;

/** SHA-256 of a file, in hexadecimal digits. */
export async function sha256Of(file: string, onProgress?: OnFileProgress): Promise<string> {
  const hash = createHash('sha256');
  const total = statOf(file)?.size ?? 0;
  let done = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Buffer);
    done += (chunk as Buffer).length;
    onProgress?.({ step: 'sums', done, total });
  }
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
 * Makes a directory that is there completely or not at all: `fill` writes into a new one beside it, which is
 * then synced and renamed. Its name, `<target>.<random>.partial`, is nobody else's: what stands there under
 * any name is neither written to nor followed.
 *
 * Throws `OPTION_INVALID` when the target exists or its parent does not, `BACKEND_IN_USE` when another
 * process made it meanwhile, what `fill` throws, and `BACKEND_FULL` or `BACKEND_FAILED`; nothing is left then.
 */
export async function makeDirectory<T>(target: string, fill: (partial: string) => Promise<T>): Promise<T> {
  const path = resolve(target);
  requireAbsent(path);
  removeLeftovers(path);
  const partial = `${path}.${randomBytes(6).toString('hex')}.partial`;
  try {
    mkdirSync(partial, { mode: 0o700 });
    const lock = lockFile(join(partial, LOCK), 'a backup or restore');
    try {
      const result = await fill(partial);
      syncDirectory(partial);
      takeName(partial, path);
      rmSync(join(path, LOCK_FILE), { force: true });
      syncDirectory(path);
      syncDirectory(dirname(path));
      return result;
    } finally {
      lock.release();
    }
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw asTablecastError(error, { file: path, action: 'write' });
  }
}

/** A directory takes the place of an empty one, which is not this process's either. */
function takeName(partial: string, path: string): void {
  if (isAbsent(path)) return renameSync(partial, path);
  throw new TablecastError('BACKEND_IN_USE', `${path} was made by another process meanwhile.`, {
    hint: 'Name another directory, or use that one; this process wrote nothing there.',
    details: { file: path },
  });
}

function isAbsent(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined;
}

/** Removes what killed processes left of earlier attempts: only of this user, only what they write, and not while one is at it. */
function removeLeftovers(path: string): void {
  const [parent, name] = [dirname(path), basename(path)];
  for (const entry of readdirSync(parent)) {
    const random = entry.startsWith(`${name}.`) ? entry.slice(name.length + 1) : '';
    if (!PARTIAL.test(random)) continue;
    const leftover = join(parent, entry);
    try {
      if (isLeftover(leftover)) removeLeftover(leftover);
    } catch (error) {
      if (!isTablecastError(error, 'BACKEND_IN_USE')) throw error;
    }
  }
}

function isLeftover(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true || found.uid !== process.getuid?.()) return false;
  return readdirSync(path, { withFileTypes: true }).every((entry) => entry.isFile() && OURS.test(entry.name));
}

function removeLeftover(path: string): void {
  const lock = lockFile(join(path, LOCK), 'a backup or restore');
  try {
    for (const name of readdirSync(path)) rmSync(join(path, name), { force: true });
    rmdirSync(path);
  } finally {
    lock.release();
  }
}

function requireAbsent(path: string): void {
  // Also a link that leads nowhere is somebody's.
  if (statOf(path) !== undefined || !isAbsent(path)) {
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
