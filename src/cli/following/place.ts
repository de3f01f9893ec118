import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import * as v from 'valibot';
import { TablecastError } from '../../index.ts';
import { fileFailure } from '../named-files.ts';

/** A place says up to where a log was read. */
export interface Place {
  /** Names the file on its disk, whatever it is called meanwhile. */
  readonly inode: string;
  /** Bytes that were read of it, up to the end of a line. */
  readonly offset: number;
  /** Is how the file begins, in hexadecimal: the number of a file that is gone is given to another. */
  readonly head: string;
  /** Is the SHA-256 of the last bytes before the offset, up to {@link TAIL_BYTES}; empty where it is not known. */
  readonly tail: string;
}

/** Bytes before a place by which it is known again. */
export const TAIL_BYTES = 4096;

const schema = v.strictObject({
  inode: v.pipe(v.string(), v.regex(/^\d+$/)),
  offset: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  head: v.pipe(v.string(), v.regex(/^([0-9a-f]{2})*$/)),
  tail: v.optional(v.pipe(v.string(), v.regex(/^([0-9a-f]{64})?$/)), ''),
});

/** Returns the `tail` of a place behind these bytes. */
export function tailOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Returns the place that a file holds; undefined if there is no such file. Throws `IMPORT_INVALID` for any other content. */
export function readPlace(path: string): Place | undefined {
  let text: string;
  try {
    // A pipe or a device has no end.
    if (!statSync(path).isFile()) throw new Error('it is no regular file');
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(path, error);
  }
  try {
    return v.parse(schema, JSON.parse(text));
  } catch (error) {
    throw unusable(path, error);
  }
}

/**
 * Writes a place whole, on disk before it gets its name; a signal does not end the process meanwhile. Rejects with
 * `IMPORT_INVALID` or `OPTION_INVALID` when it cannot be written.
 */
export async function writePlace(path: string, place: Place): Promise<void> {
  // A name that nobody has and nobody guesses: what stands there is neither overwritten nor followed.
  const partial = `${path}.${randomBytes(6).toString('hex')}.partial`;
  try {
    const handle = await open(partial, 'wx');
    try {
      await handle.writeFile(`${JSON.stringify(place)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw fileFailure(path, 'written', error);
  }
}

function unusable(path: string, cause: unknown): TablecastError {
  return new TablecastError('IMPORT_INVALID', `${path} holds no place of a log that is followed.`, {
    hint: 'Name the file that an earlier --place wrote, or one that is not there yet: then the log is read from its beginning.',
    details: { file: path },
    cause,
  });
}
