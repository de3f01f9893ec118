import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBackup, restoreBackup, verifyFiles } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { bundlePrograms } from '../reliability/support/child-bundle.ts';
import { databaseOf, filledDirectory, hosts, openInline, temporary } from './support.ts';
import { endProcess } from '../support/end-process.ts';

const KILLS = 6;

/** A database of some megabytes, so that a copy takes a while. */
async function largeDirectory(parent: string): Promise<string> {
  const directory = join(parent, 'data');
  const node = await openInline({ id: 'a', directory });
  const table = node.table('hosts', hosts);
  for (let round = 0; round < 8; round++) {
    for (let n = 0; n < 5000; n++) table.set(`10.${round}.${n >> 8}.${n % 256}`, n * 7919);
    await node.flush();
  }
  await node.close();
  return directory;
}

test('a backup killed at any time leaves nothing under its name, or all of it', async () => {
  const parent = temporary();
  const file = databaseOf(await largeDirectory(parent));
  const bundle = await bundlePrograms({
    backup: fileURLToPath(new URL('backup-child.ts', import.meta.url)),
  });
  onTestFinished(() => bundle.remove());
  const target = join(parent, 'backup');
  let whole = 0;
  let lasted = 0;
  for (let kill = 0; kill <= KILLS; kill++) {
    const child = spawn(process.execPath, [bundle.program('backup'), file, target]);
    onTestFinished(() => endProcess(child));
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    const begun = performance.now();
    // The first one may finish, and says how long it takes; the second has no time at all.
    if (kill > 0) {
      await new Promise((resolve) => setTimeout(resolve, (lasted * (kill - 1)) / KILLS));
      child.kill('SIGKILL');
    }
    await ended;
    if (kill === 0) lasted = performance.now() - begun;
    if (!existsSync(target)) continue;
    whole += 1;
    expect(await verifyFiles(target), `kill ${kill}`).toMatchObject({ kind: 'backup', damages: [] });
    rmSync(target, { recursive: true });
  }
  expect(whole).toBeGreaterThan(0);
  expect(whole).toBeLessThanOrEqual(KILLS);
  await createBackup({ file, target });
  expect(readdirSync(parent).toSorted()).toEqual(['backup', 'data']);
});

/** A small disk, where this process may mount one. */
function mountSmallDisk(parent: string, bytes: number): string | undefined {
  const path = join(parent, 'disk');
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tablecast-test', path], {
      stdio: 'ignore',
    });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', [path]));
  return path;
}

test('a full disk is told as such, before or while the copy is written, and leaves nothing', async () => {
  const parent = temporary();
  const directory = await filledDirectory(parent);
  const { bytes } = await createBackup({ file: databaseOf(directory), target: join(parent, 'backup') });
  const disk = mountSmallDisk(parent, bytes + 256 * 1024);
  if (disk === undefined) return;
  const filler = join(disk, 'filler');
  const free = () => {
    const { bavail, bsize } = statfsSync(disk);
    return bavail * bsize;
  };
  const full = { code: 'BACKEND_FULL', retryable: true };
  // Free space from far too little to nearly enough: refused at once, or by the disk on the way.
  for (const left of [4096, bytes >> 1, bytes, bytes + 8192]) {
    rmSync(filler, { force: true });
    writeFileSync(filler, new Uint8Array(Math.max(0, free() - left)));
    for (const attempt of [
      () => createBackup({ file: databaseOf(directory), target: join(disk, 'copy') }),
      () => restoreBackup({ backup: join(parent, 'backup'), directory: join(disk, 'copy') }),
    ]) {
      const outcome = await attempt().then(
        () => 'made' as const,
        (error: unknown) => error,
      );
      if (outcome === 'made') {
        rmSync(join(disk, 'copy'), { recursive: true });
        expect(left).toBeGreaterThan(bytes);
        continue;
      }
      expect(outcome).toMatchObject(full);
      expect((outcome as Error).message).toContain('full');
      expect(readdirSync(disk)).toEqual(['filler']);
    }
  }
  rmSync(filler);
  await createBackup({ file: databaseOf(directory), target: join(disk, 'copy') });
  expect((await verifyFiles(join(disk, 'copy'))).damages).toEqual([]);
});
