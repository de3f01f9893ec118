import { type Stats, chmodSync, lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { createConnection } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { TablecastError } from '../../errors.ts';
import { MAX_SOCKET_PATH_BYTES, type ListenUnix, socketUrl } from './socket-path.ts';

/** Time for what is behind a socket's file to answer, in milliseconds; on one machine it answers at once. */
const PROBE_MS = 1_000;

/**
 * Binds a server to a Unix domain socket, whose file only those may open whom `mode` lets, from when it is there. The file
 * that a killed process left is taken away; one behind which somebody listens, or that is no socket, is not. Rejects with
 * `LISTEN_FAILED`.
 */
export async function listenOnPath(server: Server, { path, mode = 0o600 }: ListenUnix): Promise<string> {
  try {
    await bound(server, path, mode).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' || !(await isLeftBehind(path))) throw error;
      unlinkSync(path);
      return bound(server, path, mode);
    });
    // A thread has no mask of its own: there the mode is set when the file is there.
    chmodSync(path, mode);
  } catch (error) {
    server.close();
    throw socketFailed(path, error);
  }
  return socketUrl(path);
}

async function bound(server: Server, path: string, mode: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The file is made within this call: nobody can open it before it has its mode.
    const before = isMainThread ? process.umask(0o777 & ~mode) : undefined;
    try {
      server.listen({ path }, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      if (before !== undefined) process.umask(before);
    }
  });
}

/** Returns whether a path is that of a socket behind which nobody listens any more. */
async function isLeftBehind(path: string): Promise<boolean> {
  const before = lstatSync(path);
  if (!before.isSocket()) return false;
  const isRefused = await new Promise<boolean>((resolve) => {
    const probe = createConnection({ path, timeout: PROBE_MS });
    const answer = (isDead: boolean): void => {
      probe.destroy();
      resolve(isDead);
    };
    probe.once('connect', () => answer(false));
    probe.once('timeout', () => answer(false));
    probe.once('error', ({ code }: NodeJS.ErrnoException) => answer(code === 'ECONNREFUSED'));
  });
  // Another process may have done the same meanwhile: what it made is not taken away.
  return isRefused && isSame(lstatSync(path), before);
}

/** A number that was given back may be given to the next file at once; then the time differs. */
function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev && one.ctimeMs === other.ctimeMs;
}

const HINTS: ReadonlyMap<unknown, string> = new Map([
  ['EADDRINUSE', 'Another program listens there, or it is no socket: stop it, or give another path.'],
  ['EACCES', 'Make its directory, and give this program the right to write there.'],
]);

/** For a path that cannot be listened on. */
export function socketFailed(path: string, cause: unknown): TablecastError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return new TablecastError('LISTEN_FAILED', `cannot listen on ${path}: ${String(code ?? cause)}`, {
    hint:
      HINTS.get(code) ??
      `Give a path in a directory of this machine, of at most ${MAX_SOCKET_PATH_BYTES} bytes.`,
    retryable: code === 'EADDRINUSE',
    details: { option: 'listen.path' },
    cause,
  });
}
