import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NodeOptions, type TableNode, isTablecastError, openLogFile, openNode } from 'tablecast';
import { describe, expect, onTestFinished, test } from 'vitest';
import { run, temporary } from './support/command.ts';

const rows = { key: 'count', value: 'string', backend: 'sqlite' } as const;
const limits = { maxFileBytes: 1024 * 1024 };

async function open(options: Partial<NodeOptions>): Promise<TableNode & { address: string }> {
  const node = await openNode({ id: 'manager', listen: { port: 0 }, ...options });
  onTestFinished(() => node.close().catch(() => undefined));
  return node as TableNode & { address: string };
}

/** A node whose disk takes nothing more. */
async function full(): Promise<{ directory: string; peer: readonly string[] }> {
  const directory = temporary();
  const node = await open({ directory, limits });
  node.table('members', { key: 'count', backend: 'sqlite' });
  node.table('in-memory', { key: 'count', value: 'string' });
  const table = node.table('rows', rows);
  for (let key = 0; ; key++) {
    try {
      table.set(key, 'x'.repeat(20_000));
      await node.flush();
    } catch (error) {
      if (isTablecastError(error, 'BACKEND_FULL')) break;
      throw error;
    }
  }
  return { directory, peer: ['--json', '--peer', node.address] };
}

async function keysOnDisk(directory: string): Promise<number> {
  const log = await openLogFile(join(directory, 'manager.tablecast.db'));
  try {
    return log.rows('rows').size;
  } finally {
    log.close();
  }
}

function manyRows(count: number): string {
  const file = join(temporary(), 'rows.jsonl');
  const lines = Array.from({ length: count }, (_, key) => JSON.stringify({ key, value: 'y'.repeat(200) }));
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

describe('with a full disk', () => {
  test('no command that writes ends with 0 unless what it wrote is on disk', async () => {
    const { directory, peer } = await full();
    const before = await keysOnDisk(directory);
    const file = manyRows(20_000);
    const commands = [
      ['set', 'rows', '900000', 'late'],
      ['delete', 'rows', '1'],
      ['add', 'members', '5'],
      ['import', 'rows', file],
    ];
    const ended = await Promise.all(commands.map((command) => run([...command, ...peer])));
    for (const [index, { code, stderr, stdout }] of ended.entries()) {
      const command = commands[index] ?? [];
      expect([command[0], code, stdout]).toEqual([command[0], 4, '']);
      const { error } = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as {
        error: { code: string; message: string; hint: string };
      };
      expect(error).toMatchObject({
        code: 'BACKEND_FULL',
        message: expect.stringContaining('Node manager cannot write to its disk, which is full'),
        hint: expect.stringContaining('Make room'),
      });
      if (command[0] === 'import')
        expect(error.message).toMatch(/Of \d+ rows written 0 stand for certain\.$/);
    }
    expect(await keysOnDisk(directory)).toBe(before);
    // Nothing has to be written for a table that no disk keeps.
    expect(await run(['set', 'in-memory', '1', 'now', ...peer])).toMatchObject({ code: 0, stderr: '' });
  });

  test('an import into a directory ends with 4, and says how much of it stands', async () => {
    const directory = temporary();
    const config = ['--directory', directory, '--id', 'manager', '--declare', 'key=count value=string'];
    const file = manyRows(60_000);
    const { code, stderr } = await run(['import', 'rows', file, ...config], {
      shell: 'ulimit -f 4096',
    });
    expect(code).toBe(4);
    const standing = Number(/Of \d+ rows written (\d+) stand for certain\./.exec(stderr)?.[1]);
    expect(standing).toBeGreaterThan(0);
    expect(await keysOnDisk(directory)).toBeGreaterThanOrEqual(standing);
    expect(stderr).not.toContain('imported');
  });
});

test('a write that the credential of the command does not allow ends at once with 3', async () => {
  const credentials = [{ name: 'readers', token: 'r', nodes: ['*'], write: [] }];
  const node = await open({ auth: { credentials } });
  node.table('rows', { key: 'count', value: 'string' });
  const { code, stderr } = await run([
    'set',
    'rows',
    '1',
    'x',
    '--json',
    '--peer',
    node.address,
    '--token',
    'r',
  ]);
  expect(code).toBe(3);
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'PEER_REFUSED' } });
  expect(node.tables.get('rows')?.size).toBe(0);
});
