import { TablecastError } from '../errors.ts';
import type { Backend, Checkpoint, Commit, Recovery, Segment } from '../log/backend.ts';
import { CommitRules, logTrimmed, notOpen } from './commit-rules.ts';

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** Counted per segment beside its bytes, for the objects around them. */
const SEGMENT_OVERHEAD_BYTES = 256;

/** Removed slots at the front of the array are kept until there are this many and they are half of it. */
const COMPACT_FROM = 1024;

const RELEASED: Segment = { position: 0, span: 0, bytes: new Uint8Array(0) };

/** The options bound what a memory backend keeps. */
export interface MemoryBackendOptions {
  /** Bounds the bytes of segments kept, 64 MiB unless given; above it the oldest are trimmed. The newest one always stays. */
  readonly maxBytes?: number | undefined;
}

function lastPositionOf(segment: Segment): number {
  return segment.position + segment.span - 1;
}

class MemoryBackend implements Backend {
  readonly name = 'memory';
  readonly durable = false;
  readonly #maxBytes: number;
  #segments: Segment[] = [];
  #first = 0;
  #bytes = 0;
  #trimmedTo = 0;
  readonly #checkpoints = new Map<string, Checkpoint>();
  readonly #facts = new Map<string, Uint8Array>();
  readonly #rules = new CommitRules(0, []);
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  async open(): Promise<Recovery> {
    if (this.#state === 'closed') throw notOpen(this.name);
    this.#state = 'open';
    return {
      lastPosition: this.#rules.last,
      trimmedTo: this.#trimmedTo,
      facts: new Map(this.#facts),
      checkpoints: [...this.#checkpoints.values()],
      closedCleanly: true,
      lastDurability: undefined,
      tornSegments: 0,
      setAside: undefined,
    };
  }

  async commit(commit: Commit): Promise<void> {
    this.#requireOpen();
    this.#rules.accept(commit);
    this.#rules.settle(1);
    for (const segment of commit.segments) {
      this.#segments.push(segment);
      this.#bytes += segment.bytes.length + SEGMENT_OVERHEAD_BYTES;
    }
    for (const [name, value] of commit.facts ?? []) {
      if (value === undefined) this.#facts.delete(name);
      else this.#facts.set(name, value);
    }
    while (this.#bytes > this.#maxBytes && this.#segments.length - this.#first > 1) this.#dropFirst();
  }

  async read(after: number, maxBytes: number): Promise<readonly Segment[]> {
    this.#requireOpen();
    if (after < this.#trimmedTo) throw logTrimmed(after, this.#trimmedTo);
    const found: Segment[] = [];
    let bytes = 0;
    for (let index = this.#indexAfter(after); index < this.#segments.length; index += 1) {
      const segment = this.#segments[index] as Segment;
      bytes += segment.bytes.length;
      if (bytes > maxBytes && found.length > 0) break;
      found.push(segment);
    }
    return found;
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    this.#requireOpen();
    this.#rules.checkCheckpoint(checkpoint);
    this.#checkpoints.set(checkpoint.table, checkpoint);
  }

  async trim(position: number): Promise<number> {
    this.#requireOpen();
    // Index by index: dropping may move all that is left to the front.
    while (this.#first < this.#segments.length) {
      if (lastPositionOf(this.#segments[this.#first] as Segment) > position) break;
      this.#dropFirst();
    }
    return this.#trimmedTo;
  }

  async seal(): Promise<boolean> {
    this.#requireOpen();
    return false;
  }

  async positionKeeping(bytes: number): Promise<number> {
    this.#requireOpen();
    let kept = 0;
    for (let index = this.#segments.length - 1; index >= this.#first; index -= 1) {
      const segment = this.#segments[index] as Segment;
      kept += segment.bytes.length;
      if (kept > bytes) return lastPositionOf(segment);
    }
    return 0;
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#segments = [];
    this.#checkpoints.clear();
    this.#facts.clear();
  }

  #requireOpen(): void {
    if (this.#state !== 'open') throw notOpen(this.name);
  }

  /** Index of the first segment that ends after `position`. */
  #indexAfter(position: number): number {
    let low = this.#first;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lastPositionOf(this.#segments[middle] as Segment) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #dropFirst(): void {
    const segment = this.#segments[this.#first] as Segment;
    this.#trimmedTo = lastPositionOf(segment);
    this.#bytes -= segment.bytes.length + SEGMENT_OVERHEAD_BYTES;
    this.#segments[this.#first] = RELEASED;
    this.#first += 1;
    if (this.#first >= COMPACT_FROM && this.#first * 2 >= this.#segments.length) {
      this.#segments = this.#segments.slice(this.#first);
      this.#first = 0;
    }
  }
}

/**
 * Makes a backend that keeps everything in this process and forgets it with it: the reference implementation of the
 * port. A commit resolves in a microtask and never rejects with `BACKEND_FULL`. When more than `maxBytes` of
 * segments are kept, the oldest are trimmed. A read that would need them rejects with `LOG_TRIMMED`, as after
 * `trim`.
 */
export function memoryBackend(options: MemoryBackendOptions = {}): Backend {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new TablecastError('OPTION_INVALID', `maxBytes of the memory backend is ${maxBytes}`, {
      hint: 'Give a whole number of bytes from 1.',
    });
  }
  return new MemoryBackend(maxBytes);
}
