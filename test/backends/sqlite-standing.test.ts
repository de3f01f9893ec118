import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openReadOnly } from '../../src/backends/sqlite/reader.ts';
import { type SqliteBackendOptions, sqliteBackend } from '../../src/backends/sqlite/sqlite-backend.ts';
import { type NodeEvent, openNode } from '../../src/index.ts';
import { temporaryDirectory } from './support/places.ts';
import { segmentAt } from './support/segments.ts';
import { endProcess } from '../support/end-process.ts';

const child = fileURLToPath(new URL('support/holding-child.ts', import.meta.url));
const loader = fileURLToPath(new URL('../../scripts/typescript.mjs', import.meta.url));

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;

beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory.path, 'node.db');
});
afterEach(() => directory.remove());

function make(options: Partial<SqliteBackendOptions> = {}) {
  return sqliteBackend({ file, durability: 'commit', owner: 'node-1', inline: true, ...options });
}

async function opened(options: Partial<SqliteBackendOptions> = {}) {
  const backend = make(options);
  onTestFinished(() => backend.close().catch(() => undefined));
  await backend.open();
  return backend;
}

/** A process that has the file open; resolves when it has committed. */
async function otherOwner() {
  const other = spawn(process.execPath, ['--import', loader, child, file]);
  onTestFinished(() => endProcess(other));
  await once(other.stdout, 'data');
  return other;
}

describe('a database taken from under a node', () => {
  it.each([
    ['removed', () => rmSync(file)],
    ['moved away', () => renameSync(file, `${file}.elsewhere`)],
    ['removed with its directory', () => rmSync(directory.path, { recursive: true })],
    ['emptied', () => truncateSync(file)],
    ['cut off', () => truncateSync(file, 4096)],
    ['robbed of its write-ahead log', () => rmSync(`${file}-wal`)],
    [
      'replaced by another file',
      () => {
        writeFileSync(`${file}.other`, readFileSync(file));
        renameSync(`${file}.other`, file);
      },
    ],
  ])('and %s confirms nothing any more', async (_what, take) => {
    for (const durability of ['commit', 'interval'] as const) {
      rmSync(directory.path, { recursive: true, force: true });
      const backend = await opened({ durability });
      await backend.commit({ segments: [segmentAt(1)] });
      expect(backend.lost?.()).toBeUndefined();
      take();
      expect(backend.lost?.()).toMatchObject({ code: 'BACKEND_FAILED', retryable: false });
      await expect(backend.commit({ segments: [segmentAt(2)] })).rejects.toMatchObject({
        code: 'BACKEND_FAILED',
      });
      await expect(backend.commit({ segments: [segmentAt(2)] })).rejects.toMatchObject({
        code: 'BACKEND_FAILED',
      });
    }
  });

  it.each([0, 1, 4096])(
    'and its write-ahead log cut off at byte %d confirms nothing any more',
    async (size) => {
      const backend = await opened();
      await backend.commit({ segments: [segmentAt(1)] });
      expect(backend.lost?.()).toBeUndefined();
      truncateSync(`${file}-wal`, size);
      const refused = { code: 'BACKEND_FAILED', message: expect.stringContaining('cut off') as string };
      await expect(backend.commit({ segments: [segmentAt(2)] })).rejects.toMatchObject(refused);
    },
  );

  it.each(['PRAGMA wal_checkpoint(TRUNCATE)', 'VACUUM'])(
    'stands when another program says %s',
    async (sql) => {
      const backend = await opened();
      await backend.commit({ segments: [segmentAt(1)] });
      const other = new Database(file);
      other.exec(sql);
      other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      other.close();
      expect(backend.lost?.()).toBeUndefined();
      for (const position of [2, 3]) await backend.commit({ segments: [segmentAt(position)] });
      expect(backend.lost?.()).toBeUndefined();
      await backend.close();
      expect(await (await opened()).read(0, 4096)).toHaveLength(3);
    },
  );

  it('is told by the node, whose flush rejects also when nothing waits', async () => {
    const node = await openNode({ id: 'n', directory: directory.path });
    onTestFinished(() => node.close().catch(() => undefined));
    const events: NodeEvent[] = [];
    node.events.subscribe((event) => events.push(event));
    const table = node.table('t', { key: 'count', backend: 'sqlite' });
    const memory = node.table('m', { key: 'count' });
    table.add(1);
    await node.flush();
    rmSync(join(directory.path, 'n.tablecast.db'));
    await expect(node.flush()).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
    await expect(node.flush()).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
    expect(events.map(({ code }) => code)).toEqual(['backend-failed']);
    expect(events[0]?.message).toContain('removed or moved');
    expect(() => table.add(2)).toThrow(expect.objectContaining({ code: 'BACKEND_FAILED' }));
    memory.add(1);
    expect(table.has(1)).toBe(true);
    await expect(node.close()).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
  });
});

describe('a lock file that was removed while a process has the database open', () => {
  it('lets nobody else in, however often it is tried', async () => {
    const owner = await otherOwner();
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(make().open()).rejects.toMatchObject({ code: 'BACKEND_IN_USE' });
    }
    rmSync(`${file}.lock`);
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(make().open()).rejects.toMatchObject({
        code: 'BACKEND_IN_USE',
        message: expect.stringContaining('was removed'),
      });
    }
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    const backend = await opened();
    expect(await backend.read(0, 100)).toHaveLength(1);
  });

  it('is not looked for after a kill: who reads the file then is in nobody’s way', async () => {
    const owner = await otherOwner();
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    const reader = openReadOnly(file);
    expect((await (await opened()).open()).lastPosition).toBe(1);
    reader.close();
  });

  it('and a link in its place is left alone', async () => {
    const precious = join(directory.path, 'precious');
    writeFileSync(precious, '');
    symlinkSync(precious, `${file}.lock`);
    await expect(make().open()).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
    expect(readFileSync(precious, 'utf8')).toBe('');
  });
});

describe('what is left of a database', () => {
  async function left(): Promise<void> {
    const backend = await opened();
    await backend.commit({ segments: [segmentAt(1)] });
    await backend.close();
  }

  it('cut off to nothing is damaged, and set aside where that is asked for', async () => {
    await left();
    truncateSync(file, 0);
    await expect(make().open()).rejects.toMatchObject({
      code: 'BACKEND_DAMAGED',
      message: expect.stringContaining('it is empty'),
    });
    const backend = await opened({ failureMode: 'delete' });
    expect((await backend.open()).setAside).toBe(`${file}.damaged-1`);
  });

  it('when only its write-ahead log is there, is not continued by a new one', async () => {
    const owner = await otherOwner();
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    rmSync(file);
    await expect(make().open()).rejects.toMatchObject({
      code: 'BACKEND_DAMAGED',
      message: expect.stringContaining('-wal is there'),
    });
    expect(existsSync(file)).toBe(false);
    const backend = await opened({ failureMode: 'delete' });
    expect(await backend.open()).toMatchObject({ lastPosition: 0, setAside: `${file}.damaged-1` });
  });
});

describe('a directory that cannot be made', () => {
  it.skipIf(process.platform !== 'linux')(
    'is told at once, also where the system says that it does not exist',
    async () => {
      file = '/proc/nope/deeper/node.db';
      await expect(make().open()).rejects.toMatchObject({
        code: 'BACKEND_FAILED',
        message: expect.stringContaining('/proc takes no new directories'),
      });
    },
  );

  it('because a file is in the way names that file', async () => {
    writeFileSync(join(directory.path, 'notes'), '');
    file = join(directory.path, 'notes', 'deep', 'node.db');
    await expect(make().open()).rejects.toMatchObject({
      message: expect.stringContaining('is no directory'),
    });
  });

  it('is made with all above it otherwise', async () => {
    mkdirSync(join(directory.path, 'one'));
    file = join(directory.path, 'one', 'two', 'three', 'node.db');
    await (await opened()).commit({ segments: [segmentAt(1)] });
    expect(existsSync(file)).toBe(true);
  });
});
