import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { isFullCode } from './failure.ts';

/**
 * Returns whether no file beside a database can become longer than it and its write-ahead log are. SQLite
 * tells a limit on the length of files (RLIMIT_FSIZE, `ulimit -f`) as a failed write, like a broken disk; one
 * byte behind that length, in a file of its own, tells them apart.
 */
export function cannotGrow(file: string): boolean {
  const probe = `${file}.${randomBytes(6).toString('hex')}.probe`;
  try {
    const descriptor = openSync(probe, 'wx', 0o600);
    try {
      writeSync(descriptor, Uint8Array.of(0), 0, 1, Math.max(sizeOf(file), sizeOf(`${file}-wal`)));
    } finally {
      closeSync(descriptor);
      rmSync(probe, { force: true });
    }
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && isFullCode(String(error.code));
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
