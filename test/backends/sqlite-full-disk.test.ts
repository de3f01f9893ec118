import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sqliteBackend } from '../../src/backends/sqlite/sqlite-backend.ts';
import { temporaryDirectory } from './support/places.ts';

const DISK_BYTES = 8 * 1024 * 1024;

/** A disk of 8 MiB, where this process may mount one. */
function mountSmallDisk(): { readonly path: string; unmount(): void } | undefined {
  const directory = temporaryDirectory();
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tablecast-test', directory.path];
    execFileSync('mount', options, { stdio: 'ignore' });
  } catch {
    directory.remove();
    return undefined;
  }
  return {
    path: directory.path,
    unmount: () => {
      execFileSync('umount', [directory.path]);
      directory.remove();
    },
  };
}

const commitAt = (position: number) => ({
  segments: [{ position, span: 1, bytes: new Uint8Array(30_000).fill(1) }],
});

it.each([
  ['commit', false],
  ['interval', false],
  ['commit', true],
] as const)(
  'goes on without a restart when a full disk has space again (%s, inline: %s)',
  async (durability, inline) => {
    const disk = mountSmallDisk();
    if (disk === undefined) return;
    try {
      const filler = join(disk.path, 'filler');
      writeFileSync(filler, new Uint8Array(2 * 1024 * 1024));
      const backend = sqliteBackend({ file: join(disk.path, 'node.db'), durability, owner: 'test', inline });
      await backend.open();
      let position = 0;
      const fill = async (): Promise<unknown> => {
        for (;;) {
          try {
            await backend.commit(commitAt(position + 1));
          } catch (error) {
            return error;
          }
          position += 1;
        }
      };
      expect(await fill()).toMatchObject({ code: 'BACKEND_FULL', retryable: true });
      expect(await fill()).toMatchObject({ code: 'BACKEND_FULL', retryable: true });
      expect((await backend.read(0, 1e9)).length).toBe(position);
      const before = position;
      rmSync(filler);
      expect(await fill()).toMatchObject({ code: 'BACKEND_FULL' });
      expect(position).toBeGreaterThan(before);
      expect((await backend.read(0, 1e9)).length).toBe(position);
      await backend.close();
      expect(
        readdirSync(disk.path)
          .map((name) => statSync(join(disk.path, name)).size)
          .reduce((a, b) => a + b),
      ).toBeLessThanOrEqual(DISK_BYTES);
    } finally {
      disk.unmount();
    }
  },
);
