import { describe, expect, it } from 'vitest';
import { backendOn } from '../../src/backends/backend-on.ts';
import type { Commit } from '../../src/log/backend.ts';
import { backendContract } from '../contracts/backend.contract.ts';
import { ObjectDisk, full } from './support/object-disk.ts';

const commitAt = (position: number): Commit => ({
  segments: [{ position, span: 1, bytes: Uint8Array.of(position) }],
});

backendContract('a disk of your own', { durable: true }, async () => {
  const disk = new ObjectDisk();
  const make = () => backendOn(disk);
  const setRoom = (isRoom: boolean) => {
    disk.failure = isRoom ? undefined : full();
  };
  return { backend: make(), reopen: make, abandoned: make, setRoom, remove: () => undefined };
});

describe('backendOn', () => {
  it('writes all commits that wait as one', async () => {
    const disk = new ObjectDisk();
    const backend = backendOn(disk);
    await backend.open();
    await Promise.all([1, 2, 3, 4].map((position) => backend.commit(commitAt(position))));
    expect(disk.writes.map(({ segments }) => segments.map(({ position }) => position))).toEqual([
      [1, 2, 3, 4],
    ]);
  });

  it('writes nothing more after a write that was rejected, reads on, and does not close the disk cleanly', async () => {
    const disk = new ObjectDisk();
    const backend = backendOn(disk);
    await backend.open();
    await backend.commit(commitAt(1));
    disk.failure = new Error('no space');
    await expect(backend.commit(commitAt(2))).rejects.toThrow('no space');
    disk.failure = undefined;
    await expect(backend.commit(commitAt(3))).rejects.toThrow('no space');
    await expect(backend.writeCheckpoint({ table: 't', position: 1, chunks: [] })).rejects.toThrow(
      'no space',
    );
    await expect(backend.trim(1)).rejects.toThrow('no space');
    expect(disk.writes).toHaveLength(1);
    expect([disk.checkpoints.size, disk.trimmedTo]).toEqual([0, 0]);
    expect((await backend.read(0, 100)).map(({ position }) => position)).toEqual([1]);
    expect(await backend.positionKeeping(1)).toBe(0);
    await backend.close();
    expect(disk.closes).toEqual([false]);
  });

  it('does nothing of what was called before a write failed and comes after it', async () => {
    const disk = new ObjectDisk();
    const backend = backendOn(disk);
    await backend.open();
    await backend.commit(commitAt(1));
    disk.failure = new Error('no space');
    const calls = [
      backend.commit(commitAt(2)),
      backend.writeCheckpoint({ table: 't', position: 1, chunks: [] }),
      backend.trim(1),
      backend.commit(commitAt(3)),
    ];
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
    expect([disk.checkpoints.size, disk.trimmedTo]).toEqual([0, 0]);
    await backend.close();
  });

  it('goes on after a refusal that is retryable, with checkpoints, trims and a clean end', async () => {
    const disk = new ObjectDisk();
    const backend = backendOn(disk);
    await backend.open();
    await backend.commit(commitAt(1));
    disk.failure = full();
    await expect(backend.commit(commitAt(2))).rejects.toMatchObject({ code: 'BACKEND_FULL' });
    await backend.writeCheckpoint({ table: 't', position: 1, chunks: [] });
    expect(await backend.trim(1)).toBe(1);
    disk.failure = undefined;
    await backend.commit(commitAt(2));
    await backend.close();
    expect(disk.closes).toEqual([true]);
  });

  it('keeps the order of calls: a checkpoint of what is under way is written after it', async () => {
    const disk = new ObjectDisk();
    const backend = backendOn(disk);
    await backend.open();
    const first = backend.commit(commitAt(1));
    await Promise.resolve();
    const second = backend.commit(commitAt(2));
    await backend.writeCheckpoint({ table: 't', position: 2, chunks: [] });
    await Promise.all([first, second]);
    await backend.close();
  });

  it('calls nothing of a disk that could not be opened', async () => {
    const disk = new ObjectDisk();
    disk.open = () => Promise.reject(new Error('in use'));
    const backend = backendOn(disk);
    await expect(backend.open()).rejects.toThrow('in use');
    await backend.close();
    expect(disk.closes).toEqual([]);
  });

  it('releases a disk that is closed while it opens, and does not hide how it was found', async () => {
    const disk = new ObjectDisk();
    disk.isClosed = false;
    const backend = backendOn(disk);
    const opening = backend.open();
    await backend.close();
    await expect(opening).rejects.toMatchObject({ code: 'CLOSED' });
    expect(disk.closes).toEqual([false]);
  });
});
