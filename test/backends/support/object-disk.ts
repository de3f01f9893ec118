import type { Disk } from '../../../src/backends/backend-on.ts';
import { logTrimmed } from '../../../src/backends/commit-rules.ts';
import { TablecastError } from '../../../src/errors.ts';
import type { Checkpoint, Commit, Segment } from '../../../src/log/backend.ts';

/** A disk that is an object: what it holds is there for the next backend on it. */
export class ObjectDisk implements Disk {
  readonly name = 'object';
  readonly facts = new Map<string, Uint8Array>();
  readonly checkpoints = new Map<string, Checkpoint>();
  segments: Segment[] = [];
  writes: Commit[] = [];
  lastPosition = 0;
  trimmedTo = 0;
  owners = 0;
  isClosed = true;
  /** How it was closed, each time. */
  readonly closes: boolean[] = [];
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

  async close(clean: boolean): Promise<void> {
    this.closes.push(clean);
    this.isClosed = clean;
  }
}

const endOf = (segment: Segment | undefined): number | undefined =>
  segment && segment.position + segment.span - 1;

/** The error of a disk that has no room, and none of what it was to write. */
export const full = (): TablecastError =>
  new TablecastError('BACKEND_FULL', 'no space', { hint: 'Make room.', retryable: true });
