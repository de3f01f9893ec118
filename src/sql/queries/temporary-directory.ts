import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileLock, lockFile } from '../../backends/sqlite/lock.ts';

const PREFIX = 'tablecast-queries-';
/** The lock of a directory lies in it, and ends with the process that made it. */
const LOCK = 'held';
/** One that was made in the last minute may not have its lock yet, in milliseconds. */
const FRESH_MS = 60_000;

/** A directory for what queries read; made when it is asked for first, and then those go that killed nodes left behind. */
export class TemporaryDirectory {
  #path: Promise<string> | undefined;
  #lock: FileLock | undefined;

  get path(): Promise<string> {
    return (this.#path ??= this.#make());
  }

  async #make(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), PREFIX));
    this.#lock = lockFile(join(path, LOCK), 'queries');
    await removeLeft(path);
    return path;
  }

  /** Removes it. Idempotent. */
  async remove(): Promise<void> {
    if (this.#path === undefined) return;
    const path = await this.#path;
    this.#lock?.release();
    this.#lock = undefined;
    await rm(path, { recursive: true, force: true });
  }
}

async function removeLeft(own: string): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  const { mtimeMs: now } = await lstat(own);
  for (const name of names) {
    const path = join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || path === own) continue;
    try {
      await removeUnlessHeld(path, now);
    } catch {
      // Held by a node that lives, of somebody else, or gone meanwhile: it is no concern of this node.
    }
  }
}

async function removeUnlessHeld(path: string, now: number): Promise<void> {
  const found = await lstat(path);
  // One without a lock is not ours.
  await lstat(join(path, `${LOCK}.lock`));
  if (now - found.mtimeMs < FRESH_MS || !found.isDirectory() || found.uid !== process.getuid?.()) return;
  lockFile(join(path, LOCK), 'queries').release();
  await rm(path, { recursive: true, force: true });
}
