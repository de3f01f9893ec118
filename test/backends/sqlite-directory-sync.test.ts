import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sqliteBackend } from '../../src/backends/sqlite/sqlite-backend.ts';
import { temporaryDirectory } from './support/places.ts';

const disk = vi.hoisted(() => ({ failing: false, synced: 0 }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return {
    ...fs,
    fsyncSync: (descriptor: number) => {
      if (fs.fstatSync(descriptor).isDirectory()) {
        if (disk.failing) throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
        disk.synced++;
      }
      fs.fsyncSync(descriptor);
    },
  };
});

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
  disk.failing = false;
  disk.synced = 0;
});
afterEach(() => directory.remove());

const make = () =>
  sqliteBackend({
    file: join(directory.path, 'node.db'),
    durability: 'commit',
    owner: 'node-1',
    inline: true,
  });

// SQLite itself takes no notice when this sync fails once.
describe.skipIf(process.platform === 'win32')('the directory of a database', () => {
  it('is synced whenever the file is opened, new or not', async () => {
    for (const opened of [1, 2]) {
      disk.synced = 0;
      const backend = make();
      await backend.open();
      await backend.close();
      expect(disk.synced, `opened ${opened} times`).toBeGreaterThan(0);
    }
  });

  it('that cannot be synced is a file that is not opened, new or not; later it is', async () => {
    for (let round = 0; round < 2; round++) {
      disk.failing = true;
      const refused = make();
      await expect(refused.open()).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
      await refused.close();
      disk.failing = false;
      const backend = make();
      await backend.open();
      const position = round + 1;
      await backend.commit({ segments: [{ position, span: 1, bytes: Uint8Array.of(position) }] });
      await backend.close();
    }
  });
});
