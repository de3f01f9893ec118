import type { TablecastError } from '../../errors.ts';
import type { Commit } from '../../log/backend.ts';

interface PendingCommit {
  readonly bytes: number;
  /** The last position once it is committed. */
  readonly last: number;
  readonly resolve: () => void;
  readonly reject: (error: TablecastError) => void;
}

/** Counted per commit beside its bytes, for the objects around them. */
const COMMIT_OVERHEAD_BYTES = 256;

/** Returns what a commit adds to the queue. */
export function sizeOfCommit(commit: Commit): number {
  let bytes = COMMIT_OVERHEAD_BYTES;
  for (const segment of commit.segments) bytes += segment.bytes.length;
  for (const [name, value] of commit.facts ?? []) bytes += name.length + (value?.length ?? 0);
  return bytes;
}

/** The commits accepted and not yet answered, oldest first, and how many bytes they are. */
export class PendingCommits {
  #waiting: PendingCommit[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(size: number, last: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes: size, last, resolve, reject });
      this.#bytes += size;
    });
  }

  /** Resolves the oldest ones; returns the position the log has reached. */
  resolve(count: number): number {
    let last = 0;
    for (const commit of this.#waiting.splice(0, count)) {
      this.#bytes -= commit.bytes;
      last = commit.last;
      commit.resolve();
    }
    return last;
  }

  rejectAll(makeError: () => TablecastError): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    for (const commit of waiting) commit.reject(makeError());
  }
}
