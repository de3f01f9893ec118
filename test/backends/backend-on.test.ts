import { describe, expect, it } from 'vitest';
import { type Disk, backendOn } from '../../src/backends/backend-on.ts';
import { logTrimmed } from '../../src/backends/commit-rules.ts';
import type { Checkpoint, Commit, Segment } from '../../src/log/backend.ts';
import { backendContract } from '../contracts/backend.contract.ts';

/** A disk that is an object: what it holds is there for the next backend on it. */
class ObjectDisk implements Disk {
  readonly name = 'object';
  readonly facts = new Map<string, Uint8Array>();
  readonly checkpoints = new Map<string, Checkpoint>();
  segments: Segment[] = [];
  writes: Commit[] = [];
  lastPosition = 0;
  trimmedTo = 0;
  owners = 0;
  isClosed = true;
  failure: Error | undefined;

  async open() {
    const closedCleanly = this.isClosed;
    const lastDurability = this.owners++ === 0 ? undefined : ('commit' as const);
    this.isClosed = false;
    const { lastPosition, trimmedTo, checkpoints } = this;
    const found = { lastPosition, trimmedTo, closedCleanly, lastDurability };
    const facts = new Map(this.facts);
    return { ...found, facts, checkpoints: [...checkpoints.values()], tornSegments: 0, setAside: undefined };
  }

  async write(commit: Commit): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.writes.push(commit);
    this.segments.push(...commit.segments);
    this.lastPosition = endOf(commit.segments.at(-1)) ?? this.lastPosition;
    for (const [name, value] of commit.facts ?? [])
      if (value === undefined) this.facts.delete(name);
      else this.facts.set(name, value);
  }

  async read(after: number, maxBytes: number): Promise<Segment[]> {
    if (after < this.trimmedTo) throw logTrimmed(after, this.trimmedTo);
    const found = this.segments.filter((one) => (endOf(one) ?? 0) > after);
    let bytes = 0;
    const over = found.findIndex((one, index) => (bytes += one.bytes.length) > maxBytes && index > 0);
    return over < 0 ? found : found.slice(0, over);
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    this.checkpoints.set(checkpoint.table, checkpoint);
  }

  async trim(position: number): Promise<number> {
    const gone = this.segments.filter((one) => (endOf(one) ?? 0) <= position);
    this.trimmedTo = endOf(gone.at(-1)) ?? this.trimmedTo;
    this.segments = this.segments.slice(gone.length);
    return this.trimmedTo;
  }

  async positionKeeping(bytes: number): Promise<number> {
    let kept = 0;
    return endOf(this.segments.findLast((one) => (kept += one.bytes.length) > bytes)) ?? 0;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

const endOf = (segment: Segment | undefined): number | undefined =>
  segment && segment.position + segment.span - 1;

const commitAt = (position: number): Commit => ({
  segments: [{ position, span: 1, bytes: Uint8Array.of(position) }],
});

backendContract('a disk of your own', { durable: true }, async () => {
  const disk = new ObjectDisk();
  const make = () => backendOn(disk);
  return { backend: make(), reopen: make, abandoned: make, remove: () => undefined };
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
    expect((await backend.read(0, 100)).map(({ position }) => position)).toEqual([1]);
    await backend.close();
    expect(disk.isClosed).toBe(false);
  });
});
