import { spawnSync } from 'node:child_process';
import { mkdir, open, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** So much at a time is written to a disk that is filled, in bytes. */
const BLOCK = 64 * 1024;

/** A disk of its own in memory, which can be filled. Only root may have one. */
export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes one; undefined where that is not permitted. */
  static async at(path: string, bytes: number): Promise<SmallDisk | undefined> {
    await mkdir(path, { recursive: true });
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path]);
    return status === 0 ? new SmallDisk(path) : undefined;
  }

  /** Takes what room there is, also that which is left behind by others meanwhile. */
  async fill(): Promise<void> {
    const file = await open(join(this.path, 'ballast'), 'a');
    try {
      while ((await statfs(this.path)).bavail > 0) await file.appendFile(new Uint8Array(BLOCK));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
  }

  /** Takes away everything that is on it. */
  async empty(): Promise<void> {
    const names = await readdir(this.path);
    await Promise.all(names.map((name) => rm(join(this.path, name), { recursive: true, force: true })));
  }

  end(): void {
    spawnSync('umount', ['-l', this.path]);
  }
}
