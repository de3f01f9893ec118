import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeOptions, TableNode } from 'tablecast';
import { onTestFinished } from 'vitest';
import { sqliteBackend } from '../../src/backends/sqlite/sqlite-backend.ts';
import type { NodeParts } from '../../src/node/node-parts.ts';
import { openNodeOf } from '../../src/node/open-node.ts';

/** The table of these tests. */
export const hosts = { key: 'addr', value: 'count', backend: 'sqlite' } as const;

/** A directory that goes with the test. */
export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-backup-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The database of a node of these tests. */
export function databaseOf(directory: string, id = 'a'): string {
  return join(directory, `${id}.tablecast.db`);
}

/** A node that commits in this thread: starting the writing thread from its source takes its time. */
export function openInline(options: NodeOptions, parts: NodeParts = {}): Promise<TableNode> {
  const { id, directory } = options;
  if (directory === undefined) return openNodeOf(options, parts);
  const file = databaseOf(directory, id);
  const durableBackend = sqliteBackend({ file, durability: 'commit', owner: id, inline: true });
  return openNodeOf(options, { ...parts, durableBackend });
}

/** A node that is closed when the test ends. */
export async function opened(options: Partial<NodeOptions> = {}): Promise<TableNode> {
  const node = await openInline({ id: 'a', ...options });
  onTestFinished(() => node.close());
  return node;
}

/** A directory with a closed node's database of some hundred operations in two tables. */
export async function filledDirectory(parent: string): Promise<string> {
  const directory = join(parent, 'data');
  const node = await openInline({ id: 'a', directory });
  const table = node.table('hosts', hosts);
  const seen = node.table('seen', { key: ['addr', 'port'], backend: 'sqlite' });
  for (let round = 0; round < 40; round++) {
    for (let n = 0; n < 10; n++) table.set(`10.0.${round % 7}.${n}`, round * 10 + n);
    seen.add([`10.0.0.${round}`, '80/tcp']);
    await node.flush();
  }
  await node.close();
  return directory;
}
