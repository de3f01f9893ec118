import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sqliteBackend, type SqliteBackendOptions } from '../../src/backends/sqlite/sqlite-backend.ts';
import { temporaryDirectory } from './support/places.ts';
import { countTransactions } from './support/raw.ts';
import { segmentAt } from './support/segments.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const disk = vi.hoisted(() => ({ failSync: false, syncs: 0 }));
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  return {
    ...real,
    fdatasync: (descriptor: number, done: (error: Error | null) => void) => {
      disk.syncs += 1;
      if (disk.failSync) setImmediate(done, new Error('EIO: i/o error, fdatasync'));
      else real.fdatasync(descriptor, done);
    },
  };
});

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;

beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory.path, 'node.db');
});
afterEach(() => {
  vi.restoreAllMocks();
  disk.failSync = false;
  directory.remove();
});

function make(options: Partial<SqliteBackendOptions> = {}) {
  return sqliteBackend({ file, durability: 'commit', owner: 'node-1', inline: true, ...options });
}

const commitAt = (position: number, size = 10) => ({
  segments: [{ position, span: 1, bytes: new Uint8Array(size).fill(position % 251) }],
});

async function settled(work: readonly Promise<unknown>[]): Promise<string[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) =>
    result.status === 'fulfilled' ? 'ok' : (result.reason as { code: string }).code,
  );
}

describe('group commit', () => {
  it('puts what one turn commits into one transaction', async () => {
    const backend = make();
    await backend.open();
    const before = countTransactions(`${file}-wal`);
    await Promise.all(Array.from({ length: 300 }, (_, index) => backend.commit(commitAt(index + 1))));
    expect(countTransactions(`${file}-wal`) - before).toBe(1);
    await backend.close();
  });

  it('puts what waits for the worker into few transactions', async () => {
    const backend = make({ inline: false });
    await backend.open();
    const before = countTransactions(`${file}-wal`);
    const commits: Promise<void>[] = [];
    for (let position = 1; position <= 500; position += 1) {
      commits.push(backend.commit(commitAt(position)));
      // Past the end of the turn, so that each commit is a message of its own.
      await Promise.resolve();
      await Promise.resolve();
    }
    await Promise.all(commits);
    const transactions = countTransactions(`${file}-wal`) - before;
    expect(transactions).toBeGreaterThan(0);
    expect(transactions).toBeLessThan(100);
    await backend.close();
  });
});

describe('durability', () => {
  /** What the writing connection of the backend is at, asked on that very connection. */
  function synchronousOf(spy: { mock: { contexts: unknown[] } }): unknown {
    const connections = spy.mock.contexts as Database.Database[];
    const writing = connections.findLast((one) => one.open && !one.readonly && one.name === file);
    return writing?.pragma('synchronous', { simple: true });
  }

  it.each([
    ['commit', 2],
    ['interval', 1],
  ] as const)('%s commits at synchronous=%i, at every open and after writes', async (durability, level) => {
    for (const position of [1, 2, 3]) {
      const spy = vi.spyOn(Database.prototype, 'pragma');
      const backend = make({ durability });
      await backend.open();
      expect(synchronousOf(spy)).toBe(level);
      await backend.commit(commitAt(position));
      await backend.writeCheckpoint({ table: 't', position, chunks: [] });
      expect(synchronousOf(spy)).toBe(level);
      await backend.close();
      spy.mockRestore();
    }
  });

  it('refuses to open when the level read back is not the one that was set', async () => {
    const spy = vi.spyOn(Database.prototype, 'pragma');
    const real = spy.getMockImplementation();
    spy.mockImplementation(function (this: Database.Database, source, options) {
      const result: unknown = real?.call(this, source, options);
      return source === 'synchronous' ? 1 : result;
    });
    const backend = make();
    await expect(backend.open()).rejects.toMatchObject({
      code: 'BACKEND_FAILED',
      message: expect.stringContaining('synchronous=1') as string,
    });
  });

  it('interval syncs within its window, and not at all when nothing was written', async () => {
    const backend = make({ durability: 'interval', intervalMs: 5 });
    await backend.open();
    disk.syncs = 0;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(disk.syncs).toBe(0);
    await backend.commit(commitAt(1));
    expect(disk.syncs).toBe(0);
    await vi.waitUntil(() => disk.syncs > 0, PATIENCE_MS);
    await backend.close();
  });

  it('a sync that failed poisons the backend: no commit after it, reads go on, close says so', async () => {
    const backend = make({ durability: 'interval', intervalMs: 1 });
    await backend.open();
    disk.failSync = true;
    await backend.commit(commitAt(1));
    let position = 2;
    const poisoned = async (): Promise<unknown> => {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        const [code] = await settled([backend.commit(commitAt(position))]);
        if (code !== 'ok') return code;
        position += 1;
      }
    };
    expect(await poisoned()).toBe('BACKEND_FAILED');
    disk.failSync = false;
    expect(await settled([backend.commit(commitAt(position)), backend.trim(1)])).toEqual([
      'BACKEND_FAILED',
      'BACKEND_FAILED',
    ]);
    expect((await backend.read(0, 1e6)).length).toBe(position - 1);
    await expect(backend.close()).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
    const again = make();
    expect(await again.open()).toMatchObject({ closedCleanly: false, lastDurability: 'interval' });
    await again.close();
  });
});

describe('bounds', () => {
  it('refuses commits beyond the queue, retryable and in order, and takes them again later', async () => {
    const backend = make({ limits: { maxQueuedBytes: 10_000 } });
    await backend.open();
    const commits = Array.from({ length: 20 }, (_, index) => commitAt(index + 1, index === 15 ? 1 : 1000));
    let waiting = commits;
    const rounds: number[] = [];
    while (waiting.length > 0) {
      const outcome = await settled(waiting.map((commit) => backend.commit(commit)));
      const accepted =
        outcome.indexOf('LIMIT_EXCEEDED') === -1 ? outcome.length : outcome.indexOf('LIMIT_EXCEEDED');
      expect(outcome.slice(accepted).every((code) => code === 'LIMIT_EXCEEDED')).toBe(true);
      rounds.push(accepted);
      waiting = waiting.slice(accepted);
    }
    expect(rounds.length).toBeGreaterThan(1);
    expect((await backend.read(0, 1e6)).length).toBe(20);
    const [error] = await Promise.allSettled([backend.commit(commitAt(30, 20_000))]);
    expect(error).toMatchObject({ reason: { code: 'LIMIT_EXCEEDED', retryable: false } });
    await backend.commit(commitAt(31));
    await backend.close();
  });

  it('rejects what is called after a full file too, in order, and goes on once there is space', async () => {
    const backend = make({ inline: false, limits: { maxFileBytes: 400_000 } });
    await backend.open();
    const commits = Array.from({ length: 60 }, (_, index) => segmentAt((index + 1) * 2999));
    const work: Promise<void>[] = [];
    for (const one of commits) {
      work.push(backend.commit({ segments: [{ ...one, bytes: new Uint8Array(20_000) }] }));
      await Promise.resolve();
      await Promise.resolve();
    }
    const outcome = await settled(work);
    const accepted = outcome.indexOf('BACKEND_FULL');
    expect(outcome.slice(accepted).every((code) => code === 'BACKEND_FULL')).toBe(true);
    const kept = await backend.read(0, 1e9);
    expect(kept.length).toBe(accepted);
    await backend.trim(1e9);
    for (const one of commits.slice(accepted, accepted + 5)) await backend.commit({ segments: [one] });
    expect((await backend.read(kept.at(-1)?.position ?? 0, 1e9)).length).toBe(5);
    await backend.close();
    const again = make();
    expect(await again.open()).toMatchObject({ closedCleanly: true });
    await again.close();
  });
});

it('the end of the worker rejects what is outstanding and everything after', async () => {
  const spy = vi.spyOn(Worker.prototype, 'postMessage');
  const backend = make({ inline: false });
  await backend.open();
  await backend.commit(commitAt(1));
  const [worker] = spy.mock.contexts as Worker[];
  const outstanding = [backend.commit(commitAt(2)), backend.trim(1)];
  void worker?.terminate();
  const outcome = await settled(outstanding);
  expect(outcome).toContain('BACKEND_FAILED');
  expect(await settled([backend.commit(commitAt(9))])).toEqual(['BACKEND_FAILED']);
  await expect(backend.close()).rejects.toMatchObject({ code: 'BACKEND_FAILED' });
  const again = make();
  expect(await again.open()).toMatchObject({ closedCleanly: false });
  await again.close();
});
