import type { Backend, Checkpoint, Commit, Recovery, Segment } from '../../src/backends/backend.ts';
import { CommitRules, logTrimmed, notOpen } from '../../src/backends/commit-rules.ts';
import { TablecastError } from '../../src/errors.ts';

/** How one opened disk behaves. */
export interface DiskBehaviour {
  /** Runs a task when a commit has taken its time. */
  after(task: () => void): void;
  /** What becomes of the next commit. */
  outcome(): 'kept' | 'full' | 'failed';
}

const PROMPT: DiskBehaviour = { after: (task) => queueMicrotask(task), outcome: () => 'kept' };

interface Waiting {
  readonly commit: Commit;
  resolve(): void;
  reject(error: unknown): void;
}

/** What survives a crash: commits that were acknowledged, and perhaps some that were under way. */
export class SimulatedDisk {
  readonly segments: Segment[] = [];
  readonly facts: Map<string, Uint8Array> = new Map();
  readonly checkpoints: Map<string, Checkpoint> = new Map();
  lastPosition = 0;
  trimmedTo = 0;
  closedCleanly = true;
  used = false;
  #open: SimulatedBackend | undefined;

  /** A backend on this disk; the one before must have been closed or crashed. */
  backend(behaviour: DiskBehaviour = PROMPT): Backend {
    this.#open = new SimulatedBackend(this, behaviour);
    return this.#open;
  }

  /** The power goes: of the commits under way the first `kept` are on disk, nobody was told. */
  crash(kept: number): void {
    this.#open?.crash(kept);
    this.#open = undefined;
  }

  /** How many commits are under way. */
  get underWay(): number {
    return this.#open?.underWay ?? 0;
  }

  write(commit: Commit): void {
    for (const { position, span, bytes } of commit.segments) {
      this.segments.push({ position, span, bytes: bytes.slice() });
      this.lastPosition = position + span - 1;
    }
    for (const [name, value] of commit.facts ?? []) {
      if (value === undefined) this.facts.delete(name);
      else this.facts.set(name, value.slice());
    }
  }
}

class SimulatedBackend implements Backend {
  readonly name = 'simulated';
  readonly durable = true;
  readonly #disk: SimulatedDisk;
  readonly #behaviour: DiskBehaviour;
  #rules: CommitRules;
  #waiting: Waiting[] = [];
  #running = false;
  #poison: TablecastError | undefined;
  #recovery: Promise<Recovery> | undefined;
  #state: 'new' | 'open' | 'closed' | 'crashed' = 'new';

  constructor(disk: SimulatedDisk, behaviour: DiskBehaviour) {
    this.#disk = disk;
    this.#behaviour = behaviour;
    this.#rules = new CommitRules(disk.lastPosition, disk.facts.keys());
  }

  get underWay(): number {
    return this.#waiting.length;
  }

  open(): Promise<Recovery> {
    if (this.#state === 'closed') return Promise.reject(notOpen(this.name));
    this.#recovery ??= this.#recover();
    return this.#recovery;
  }

  async #recover(): Promise<Recovery> {
    if (this.#state !== 'new') throw notOpen(this.name);
    this.#state = 'open';
    const disk = this.#disk;
    const recovery: Recovery = {
      lastPosition: disk.lastPosition,
      trimmedTo: disk.trimmedTo,
      facts: new Map(disk.facts),
      checkpoints: [...disk.checkpoints.values()],
      closedCleanly: disk.closedCleanly,
      lastDurability: disk.used ? 'commit' : undefined,
      tornSegments: 0,
      setAside: undefined,
    };
    disk.used = true;
    disk.closedCleanly = false;
    return recovery;
  }

  commit(commit: Commit): Promise<void> {
    if (this.#state === 'crashed') return new Promise(() => undefined);
    try {
      this.#requireOpen();
      if (this.#poison !== undefined) throw this.#poison;
      this.#rules.accept(commit);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ commit, resolve, reject });
      this.#start();
    });
  }

  #start(): void {
    if (this.#running || this.#waiting.length === 0) return;
    this.#running = true;
    this.#behaviour.after(() => this.#finish());
  }

  #finish(): void {
    this.#running = false;
    if (this.#state === 'crashed') return;
    const outcome = this.#behaviour.outcome();
    if (outcome === 'kept') {
      const done = this.#waiting.shift() as Waiting;
      this.#disk.write(done.commit);
      done.resolve();
    } else {
      const error = failure(outcome);
      if (outcome === 'failed') this.#poison = error;
      this.#rules = new CommitRules(this.#disk.lastPosition, this.#disk.facts.keys());
      for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
    }
    this.#start();
  }

  async read(after: number, maxBytes: number): Promise<readonly Segment[]> {
    this.#requireOpen();
    const { segments, trimmedTo } = this.#disk;
    if (after < trimmedTo) throw logTrimmed(after, trimmedTo);
    const found: Segment[] = [];
    let bytes = 0;
    for (const segment of segments) {
      if (segment.position + segment.span - 1 <= after) continue;
      bytes += segment.bytes.length;
      if (bytes > maxBytes && found.length > 0) break;
      found.push(segment);
    }
    return found;
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    this.#requireOpen();
    await this.#idle();
    new CommitRules(this.#disk.lastPosition, []).checkCheckpoint(checkpoint);
    this.#disk.checkpoints.set(checkpoint.table, {
      ...checkpoint,
      chunks: checkpoint.chunks.map((chunk) => chunk.slice()),
    });
  }

  async trim(position: number): Promise<void> {
    this.#requireOpen();
    await this.#idle();
    const { segments } = this.#disk;
    while (segments[0] !== undefined && segments[0].position + segments[0].span - 1 <= position) {
      const gone = segments.shift() as Segment;
      this.#disk.trimmedTo = gone.position + gone.span - 1;
    }
  }

  async close(): Promise<void> {
    if (this.#state !== 'open') {
      if (this.#state === 'new') this.#state = 'closed';
      return;
    }
    this.#state = 'closed';
    await this.#idle();
    this.#disk.closedCleanly = true;
  }

  crash(kept: number): void {
    this.#state = 'crashed';
    for (const { commit } of this.#waiting.slice(0, kept)) this.#disk.write(commit);
    this.#waiting = [];
  }

  async #idle(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise<void>((resolve) => this.#behaviour.after(resolve));
    }
  }

  #requireOpen(): void {
    if (this.#state !== 'open') throw notOpen(this.name);
  }
}

function failure(outcome: 'full' | 'failed'): TablecastError {
  const [code, message] =
    outcome === 'full'
      ? (['BACKEND_FULL', 'the simulated disk is full'] as const)
      : (['BACKEND_FAILED', 'the simulated disk failed'] as const);
  return new TablecastError(code, message, { hint: 'The test asked for it.', retryable: outcome === 'full' });
}
