import { statSync } from 'node:fs';
import { TablecastError } from '../index.ts';
import { usageError } from './failure.ts';

/**
 * Makes the error about a file that a command was given, by any option: one that is not there is a mistake in
 * the call (`OPTION_INVALID`, exit code 2), one that is there and cannot be used is not (`IMPORT_INVALID`,
 * 4).
 */
export function fileFailure(path: string, action: 'read' | 'written', cause: unknown): TablecastError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return action === 'read'
      ? missingFile(path)
      : usageError(`There is no directory for ${path}.`, 'Create it first, or name another place.');
  }
  return new TablecastError('IMPORT_INVALID', `${path} cannot be ${action} (${reason}).`, {
    hint: 'Check the path, its permissions and the free space.',
    cause,
  });
}

/** Makes the error for a file that is not there. */
function missingFile(path: string, hint = 'Check the path.'): TablecastError {
  return usageError(`There is no file ${path}.`, hint);
}

/** Returns whether nothing has that name; of what may not be looked at, reading it says more. */
export function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOTDIR';
  }
}

/** Throws `OPTION_INVALID` where nothing has that name. */
export function requireFile(path: string, hint?: string): void {
  if (isMissing(path)) throw missingFile(path, hint);
}
