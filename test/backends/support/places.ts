import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteBackend, type SqliteBackendOptions } from '../../../src/backends/sqlite/sqlite-backend.ts';
import type { BackendPlace } from '../../../src/testing/index.ts';

/** A directory of its own for one test. */
export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tablecast-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The contract's setup for one way of opening an sqlite file. */
export async function sqliteSetup(
  options: Omit<SqliteBackendOptions, 'file' | 'owner'>,
): Promise<BackendPlace> {
  const directory = temporaryDirectory();
  let file = join(directory.path, 'deep', 'node.db');
  const make = () => sqliteBackend({ ...options, file, owner: 'test' });
  /** What another machine finds that has the disk of one that went down. */
  const abandoned = () => {
    const left = file;
    file = join(directory.path, 'left', 'node.db');
    mkdirSync(join(directory.path, 'left'));
    for (const end of ['', '-wal']) if (existsSync(left + end)) copyFileSync(left + end, file + end);
    return make();
  };
  return { backend: make(), reopen: make, abandoned, remove: async () => directory.remove() };
}
