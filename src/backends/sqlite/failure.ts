import { TablecastError, type ErrorCode, type ErrorDetails } from '../../errors.ts';

/** An attempt names where an error happened and what the backend was doing, for its message. */
export interface Attempt {
  readonly file: string;
  /** Completes "could not …". */
  readonly action: string;
}

interface Verdict {
  readonly code: ErrorCode;
  readonly cause: string;
  readonly hint: string;
  readonly retryable?: boolean;
}

const FULL: Verdict = {
  code: 'BACKEND_FULL',
  cause: 'the disk or the file is full',
  hint:
    'Free space, raise limits.maxFileBytes, or keep less of the log (retention, --retention); then repeat the ' +
    'same calls in the same order.',
  retryable: true,
};
const IN_USE: Verdict = {
  code: 'BACKEND_IN_USE',
  cause: 'another process holds a lock on the file',
  hint: 'Stop the other program that writes to this file, then repeat the call.',
  retryable: true,
};
const READ_ONLY: Verdict = {
  code: 'BACKEND_READ_ONLY',
  cause: 'the file or its directory cannot be written',
  hint: 'Let the user of this process write to the directory and its files, or choose another directory.',
};
const FOREIGN: Verdict = {
  code: 'BACKEND_FOREIGN',
  cause: 'the file is not an SQLite database',
  hint: 'Give another path, or move the file away; it was left as it is.',
};
const DAMAGED: Verdict = {
  code: 'BACKEND_DAMAGED',
  cause: 'the database file is damaged',
  hint:
    'Move the directory away and restore a backup (tablecast restore, restoreBackup), or start empty and let peers ' +
    "fill it: failureMode 'delete' (--failure-mode delete) sets the file aside for that. tablecast verify names the damage.",
};
const NOT_BUILT: Verdict = {
  code: 'BACKEND_FAILED',
  cause: 'the package better-sqlite3 was not built for this Node.js',
  hint: 'Run npm rebuild better-sqlite3 with the Node.js that runs the program, or install the packages again with it.',
};
const FAILED: Verdict = {
  code: 'BACKEND_FAILED',
  cause: 'the operating system reported an error',
  hint: 'Check the disk and the path; then start the node again, which checks what is there (all of it: tablecast verify).',
};

/**
 * Returns whether a code of SQLite or the system says that there is no room: on the disk, in a quota, or in a
 * file (`ulimit -f`).
 */
export function isFullCode(code: string): boolean {
  return ['SQLITE_FULL', 'ENOSPC', 'EDQUOT', 'EFBIG'].includes(code);
}

function verdictOf(code: string): Verdict {
  if (isFullCode(code)) return FULL;
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return IN_USE;
  if (code.startsWith('SQLITE_READONLY') || code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return READ_ONLY;
  }
  if (code === 'SQLITE_NOTADB') return FOREIGN;
  if (code.startsWith('SQLITE_CORRUPT')) return DAMAGED;
  return code === 'ERR_DLOPEN_FAILED' ? NOT_BUILT : FAILED;
}

/** Its native part is found by the package `bindings`, whose error has no code. */
function isWithoutNativePart({ message }: Error): boolean {
  return message.startsWith('Could not locate the bindings file');
}

/** Turns what SQLite or the file system threw into a {@link TablecastError}; one of ours is returned as it is. */
export function asTablecastError(error: unknown, attempt: Attempt): TablecastError {
  if (error instanceof TablecastError) return error;
  const raw = error instanceof Error ? error : new Error(String(error));
  const code = 'code' in raw && typeof raw.code === 'string' ? raw.code : '';
  const verdict = isWithoutNativePart(raw) ? NOT_BUILT : verdictOf(code);
  const reason = code === '' ? raw.message : `${code}: ${raw.message}`;
  return new TablecastError(
    verdict.code,
    `could not ${attempt.action} ${attempt.file}: ${verdict.cause} (${reason})`,
    { hint: verdict.hint, details: { file: attempt.file }, retryable: verdict.retryable, cause: error },
  );
}

/** Makes the error for a write that failed because no file can become longer. */
export function cannotGrowError(error: unknown, { file, action }: Attempt): TablecastError {
  return new TablecastError(
    FULL.code,
    `could not ${action} ${file}: files of this process cannot become longer (ulimit -f)`,
    { hint: FULL.hint, details: { file }, retryable: true, cause: error },
  );
}

/** Makes the error for a file that breaks a rule of the format; `where` names the record. */
export function damaged(
  file: string,
  where: string,
  details: ErrorDetails<'BACKEND_DAMAGED'> = {},
): TablecastError {
  return new TablecastError('BACKEND_DAMAGED', `${file} is damaged: ${where}`, {
    hint: DAMAGED.hint,
    details: { ...details, file },
  });
}

/** Makes the error for a sync that failed: never retryable, because a second one may succeed and be wrong. */
export function syncFailed(file: string, error: unknown): TablecastError {
  const reason = error instanceof Error ? error.message : String(error);
  return new TablecastError('BACKEND_FAILED', `could not sync ${file}: ${reason}`, {
    hint: 'What was not synced before may be lost. Check the disk, then start the node again.',
    details: { file },
    cause: error,
  });
}
