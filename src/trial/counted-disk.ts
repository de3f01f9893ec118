import type { Backend, Checkpoint, Commit } from '../log/backend.ts';
import { memoryBackend } from '../backends/memory.ts';

const MAX_BYTES = 2 ** 40;

/** A backend that keeps everything in memory and counts what a disk would hold of it. */
export class CountedDisk {
  readonly backend: Backend;
  #logBytes = 0;
  readonly #checkpointBytes = new Map<string, number>();

  constructor() {
    const inner = memoryBackend({ maxBytes: MAX_BYTES });
    this.backend = {
      name: 'counted',
      durable: true,
      open: () => inner.open(),
      commit: (commit) => {
        this.#count(commit);
        return inner.commit(commit);
      },
      read: (after, maxBytes) => inner.read(after, maxBytes),
      writeCheckpoint: (checkpoint) => {
        this.#countCheckpoint(checkpoint);
        return inner.writeCheckpoint(checkpoint);
      },
      trim: (position) => inner.trim(position),
      seal: (position) => inner.seal(position),
      positionKeeping: (bytes) => inner.positionKeeping(bytes),
      close: () => inner.close(),
    };
  }

  /** Counts the bytes of segments, of named values, and of the newest checkpoint of each table. */
  get bytes(): number {
    return [...this.#checkpointBytes.values()].reduce((sum, bytes) => sum + bytes, this.#logBytes);
  }

  #count({ segments, facts }: Commit): void {
    for (const { bytes } of segments) this.#logBytes += bytes.length;
    for (const value of facts?.values() ?? []) this.#logBytes += value?.length ?? 0;
  }

  #countCheckpoint({ table, chunks }: Checkpoint): void {
    this.#checkpointBytes.set(
      table,
      chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    );
  }
}
