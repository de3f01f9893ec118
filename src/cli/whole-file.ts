import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  createWriteStream,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { TablecastError } from '../index.ts';
import { usageError } from './failure.ts';
import { fileFailure } from './named-files.ts';
import { endBySignal } from './signals.ts';

const DATABASE_MAGIC = 'SQLite format 3\0';

/** Throws what {@link writeWhole} would when a file of that name could not be written: before the work of a minute, not after it. */
export function checkWritable(path: string, source?: string): void {
  requireReplaceable(path, source);
  if (isSpecial(path)) return;
  const partial = partialOf(path);
  try {
    writeFileSync(partial, '', { flag: 'wx' });
  } catch (error) {
    throw fileFailure(path, 'written', error);
  }
  rmSync(partial, { force: true });
}

/**
 * Writes a file beside its place and then renames it, so that nobody meets half of one, also when a signal
 * ends the command; it is on disk before it gets its name, and who may read it stays. A pipe or a device is written to, not replaced, and the file behind a symbolic link is.
 * Throws `IMPORT_INVALID` when that fails, `OPTION_INVALID` when there is no directory for it, and what making the chunks throws; nothing is left then.
 */
export async function writeWhole(
  path: string,
  chunks: Iterable<string> | AsyncIterable<string>,
): Promise<void> {
  try {
    requireReplaceable(path);
    if (isSpecial(path)) await pipeline(chunks, createWriteStream(path));
    else await writeBeside(path, chunks);
  } catch (error) {
    throw error instanceof TablecastError ? error : fileFailure(path, 'written', error);
  }
}

/** A database is no earlier output, but rows: of a node, most likely those that are read. Nor is what is read itself. */
function requireReplaceable(path: string, source?: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return;
  const read = source === undefined ? undefined : statSync(source, { throwIfNoEntry: false });
  const isRead = read?.ino === found.ino && read.dev === found.dev;
  if (isRead || beginning(path, DATABASE_MAGIC.length) === DATABASE_MAGIC)
    throw usageError(
      `${path} is ${isRead ? 'what is read' : 'a database'}; nothing was written.`,
      'Name another file, or move that one away.',
    );
}

function beginning(path: string, length: number): string {
  const bytes = Buffer.alloc(length);
  const descriptor = openSync(path, 'r');
  try {
    readSync(descriptor, bytes, 0, length, 0);
  } finally {
    closeSync(descriptor);
  }
  return bytes.toString('latin1');
}

async function writeBeside(path: string, chunks: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const partial = partialOf(path);
  const remove = (): void => rmSync(partial, { force: true });
  process.on('exit', remove);
  const listenNoMore = endBySignal();
  try {
    await pipeline(chunks, createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true }));
    chmodSync(partial, modeOf(path));
    renameSync(partial, placeOf(path));
  } catch (error) {
    remove();
    throw error;
  } finally {
    listenNoMore();
    process.off('exit', remove);
  }
}

/**
 * Returns whether something stands there that is no regular file, so that a file in its place would take it
 * away from others.
 */
function isSpecial(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

/** Says who may read it: as before, or as any new file of this process. */
function modeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 0o666 & ~process.umask() : found.mode & 0o777;
}

/** Finds where the file itself lies. */
function placeOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false }) === undefined ? path : realpathSync(path);
}

/** Returns a name that nobody has and nobody guesses: what stands there is neither overwritten nor followed. */
function partialOf(path: string): string {
  return `${placeOf(path)}.${randomBytes(6).toString('hex')}.partial`;
}
