import { createWriteStream, renameSync, rmSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { TablecastError } from '../index.ts';

/** Throws `IMPORT_INVALID` when a file of that name could not be written: before the work of a minute, not after it. */
export function checkWritable(path: string): void {
  try {
    writeFileSync(partialOf(path), '');
  } catch (error) {
    throw unwritable(path, error);
  }
  rmSync(partialOf(path), { force: true });
}

/**
 * Writes a file beside its place and then renames it, so that nobody meets half of one. Throws
 * `IMPORT_INVALID` when that fails, and what making the chunks throws; nothing is left then.
 */
export async function writeWhole(
  path: string,
  chunks: Iterable<string> | AsyncIterable<string>,
): Promise<void> {
  try {
    await pipeline(chunks, createWriteStream(partialOf(path)));
    renameSync(partialOf(path), path);
  } catch (error) {
    rmSync(partialOf(path), { force: true });
    throw error instanceof TablecastError ? error : unwritable(path, error);
  }
}

function partialOf(path: string): string {
  return `${path}.partial`;
}

function unwritable(path: string, error: unknown): TablecastError {
  const reason = error instanceof Error ? error.message : String(error);
  return new TablecastError('IMPORT_INVALID', `${path} cannot be written (${reason}).`, {
    hint: 'Check the path, its permissions and the free space.',
    cause: error,
  });
}
