import { type Stats, closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { TablecastError } from '../../errors.ts';

/** Makes durable which files a directory holds; without it a new file's content may be synced and its name be lost. */
export function syncDirectory(directory: string): void {
  // Windows cannot open a directory, and needs no sync for this.
  if (process.platform === 'win32') return;
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Creates a directory and those above it that are missing, each durably. One by one, because Node's own
 * `recursive` never returns where a directory that exists refuses names with "no such file", as /proc does.
 * Throws `BACKEND_FAILED` where something that is no directory is in the way, or what the system says.
 */
export function makeDirectories(directory: string): void {
  const missing: string[] = [];
  for (let place = directory; ; place = dirname(place)) {
    const found = statIn(place);
    if (found?.isDirectory() === true) break;
    if (found !== undefined) throw notMade(directory, `${place} is no directory`);
    if (place === dirname(place)) throw notMade(directory, `${place} does not exist`);
    missing.unshift(place);
  }
  for (const place of missing) makeOne(place);
}

/** Returns what is there; undefined also where a file stands in the way, which is found further up. */
function statIn(place: string): Stats | undefined {
  try {
    return statSync(place, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function makeOne(place: string): void {
  try {
    mkdirSync(place);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // Another process was faster.
    if (code === 'EEXIST' && statSync(place).isDirectory()) return;
    if (code !== 'ENOENT') throw error;
    throw notMade(place, `${dirname(place)} takes no new directories`, error);
  }
  syncDirectory(dirname(place));
}

function notMade(directory: string, problem: string, cause?: unknown): TablecastError {
  return new TablecastError('BACKEND_FAILED', `The directory ${directory} cannot be made: ${problem}.`, {
    hint: 'Name a directory on a local disk, or create it first.',
    details: { file: directory },
    cause,
  });
}
