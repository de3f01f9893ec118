import type { Backend, Checkpoint, Commit, Recovery, Segment } from '../log/backend.ts';
import { CommitRules, logTrimmed, notOpen } from '../backends/commit-rules.ts';
import { TablecastError } from '../errors.ts';

/** A behaviour is that of one opened disk. */
export interface DiskBehaviour {
  /** Runs a task when a commit has taken its time. */
  after(task: () => void): void;
  /** Decides on the next commit. */
  outcome(): 'kept' | 'full' | 'failed';
  /** `interval`: what was acknowledged in the last 100 ms may be lost with the power. */
  readonly durability?: 'commit' | 'interval';
  /** Milliseconds, for `interval`. */
  now?(): number;
}

/** A stop of a machine leaves on its disk what is told here. */
export interface Stop {
  /** Counts the commits under way that are on disk, the first ones; nobody was told. */
  readonly kept: number;
  /** Counts the commits that are lost, the last of those that were acknowledged and not synced. */
  readonly unsyncedLost?: number | undefined;
  /** The commit after the kept ones is there in part. */
  readonly torn?: boolean | undefined;
}

/** A commit that was acknowledged and not synced: how to take it back. */
interface Unsynced {
  readonly at: number;
  readonly segments: number;
  readonly lastPosition: number;
  readonly facts: readonly (readonly [name: string, before: Uint8Array | undefined])[];
}

/** Everything is synced after so long at `interval`, in milliseconds. */
const SYNC_MS = 100;

const PROMPT: DiskBehaviour = { after: (task) => queueMicrotask(task), outcome: () => 'kept' };

interface Waiting {
  readonly commit: Commit;
  resolve(): void;
  reject(error: unknown): void;
}

/** Everything on a disk, to be put back later. */
export interface DiskCopy {
  readonly segments: readonly Segment[];
  readonly facts: ReadonlyMap<string, Uint8Array>;
  readonly checkpoints: ReadonlyMap<string, Checkpoint>;
  readonly lastPosition: number;
  readonly trimmedTo: number;
  readonly durability: 'commit' | 'interval' | undefined;
}

/** A simulated disk survives a crash: commits that were acknowledged, and perhaps some that were under way. */
export class SimulatedDisk {
  readonly segments: Segment[] = [];
  readonly facts: Map<string, Uint8Array> = new Map();
  readonly checkpoints: Map<string, Checkpoint> = new Map();
  lastPosition = 0;
  trimmedTo = 0;
  closedCleanly = true;
  durability: 'commit' | 'interval' | undefined;
  /** Segments that the next recovery finds torn and cuts off. */
  torn = 0;
  #unsynced: Unsynced[] = [];
  #open: SimulatedBackend | undefined;

  /** A backend on this disk; the one before must have been closed or crashed. */
  backend(behaviour: DiskBehaviour = PROMPT): Backend {
    this.#open = new SimulatedBackend(this, behaviour);
    return this.#open;
  }

  /** The machine stops. */
  crash(stop: Stop): void {
    this.#open?.crash(stop);
    this.#open = undefined;
    for (let count = stop.unsyncedLost ?? 0; count > 0; count--) this.#takeBack();
    this.#unsynced = [];
  }

  /** Copies what is on the disk, as a backup takes it while the node runs. */
  copy(): DiskCopy {
    const { lastPosition, trimmedTo, durability } = this;
    return {
      segments: [...this.segments],
      facts: new Map(this.facts),
      checkpoints: new Map(this.checkpoints),
      lastPosition,
      trimmedTo,
      durability,
    };
  }

  /** Puts a copy in the place of what is there; nobody may have it open. */
  restore(copy: DiskCopy): void {
    this.segments.splice(0, this.segments.length, ...copy.segments);
    this.facts.clear();
    for (const [name, value] of copy.facts) this.facts.set(name, value);
    this.checkpoints.clear();
    for (const [name, checkpoint] of copy.checkpoints) this.checkpoints.set(name, checkpoint);
    this.lastPosition = copy.lastPosition;
    this.trimmedTo = copy.trimmedTo;
    this.durability = copy.durability;
    this.closedCleanly = copy.durability === undefined;
    this.torn = 0;
    this.#unsynced = [];
  }

  /** Counts the acknowledged commits that a loss of power can take. */
  get atRisk(): number {
    return this.#unsynced.length;
  }

  #takeBack(): void {
    const last = this.#unsynced.pop();
    if (last === undefined) return;
    this.segments.length = last.segments;
    this.lastPosition = last.lastPosition;
    for (const [name, before] of last.facts) {
      if (before === undefined) this.facts.delete(name);
      else this.facts.set(name, before);
    }
  }

  /** Everything written is safe from now on. */
  sync(): void {
    this.#unsynced = [];
  }

  /** A commit is there in part: its positions are taken, its content is not there. */
  tear(commit: Commit): void {
    const last = commit.segments.at(-1);
    if (last === undefined) return;
    this.torn = 1;
    this.lastPosition = last.position + last.span - 1;
  }

  /** Counts the commits that are under way. */
  get underWay(): number {
    return this.#open?.underWay ?? 0;
  }

  write(commit: Commit, at?: number): void {
    if (at !== undefined) this.#note(commit, at);
    for (const { position, span, bytes } of commit.segments) {
      this.segments.push({ position, span, bytes: bytes.slice() });
      this.lastPosition = position + span - 1;
    }
    for (const [name, value] of commit.facts ?? []) {
      if (value === undefined) this.facts.delete(name);
      else this.facts.set(name, value.slice());
    }
  }

  #note(commit: Commit, at: number): void {
    this.#unsynced = this.#unsynced.filter((unsynced) => unsynced.at > at - SYNC_MS);
    this.#unsynced.push({
      at,
      segments: this.segments.length,
      lastPosition: this.lastPosition,
      facts: Array.from(commit.facts?.keys() ?? [], (name) => [name, this.facts.get(name)] as const),
    });
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
  /** Nobody has committed since it was found as it was left. */
  #isInDoubt = false;
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
      lastDurability: disk.durability,
      tornSegments: disk.torn,
      setAside: undefined,
    };
    const mayLack = disk.torn > 0 || (!disk.closedCleanly && disk.durability !== 'commit');
    this.#isInDoubt = disk.torn > 0 || !disk.closedCleanly;
    disk.torn = 0;
    disk.durability = mayLack ? 'interval' : this.#durability;
    disk.closedCleanly = false;
    return recovery;
  }

  get #durability(): 'commit' | 'interval' {
    return this.#behaviour.durability ?? 'commit';
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
      this.#disk.write(done.commit, this.#unsyncedFrom);
      if (this.#isInDoubt) this.#disk.durability = this.#durability;
      this.#isInDoubt = false;
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
    this.#disk.sync();
    this.#disk.checkpoints.set(checkpoint.table, {
      ...checkpoint,
      chunks: checkpoint.chunks.map((chunk) => chunk.slice()),
    });
  }

  async trim(position: number): Promise<number> {
    this.#requireOpen();
    await this.#idle();
    this.#disk.sync();
    const { segments } = this.#disk;
    while (segments[0] !== undefined && segments[0].position + segments[0].span - 1 <= position) {
      const gone = segments.shift() as Segment;
      this.#disk.trimmedTo = gone.position + gone.span - 1;
    }
    return this.#disk.trimmedTo;
  }

  async seal(): Promise<boolean> {
    this.#requireOpen();
    return false;
  }

  async positionKeeping(bytes: number): Promise<number> {
    this.#requireOpen();
    let kept = 0;
    for (const { position, span, bytes: content } of this.#disk.segments.toReversed()) {
      kept += content.length;
      if (kept > bytes) return position + span - 1;
    }
    return 0;
  }

  async close(): Promise<void> {
    if (this.#state !== 'open') {
      if (this.#state === 'new') this.#state = 'closed';
      return;
    }
    this.#state = 'closed';
    await this.#idle();
    this.#disk.sync();
    if (!this.#isInDoubt) this.#disk.closedCleanly = true;
  }

  crash({ kept, torn }: Stop): void {
    this.#state = 'crashed';
    for (const { commit } of this.#waiting.slice(0, kept)) this.#disk.write(commit, this.#unsyncedFrom);
    const next = this.#waiting[kept];
    if (torn === true && next !== undefined) this.#disk.tear(next.commit);
    this.#waiting = [];
  }

  /** Dates a commit that may be lost later; undefined where none may. */
  get #unsyncedFrom(): number | undefined {
    return this.#behaviour.durability === 'interval' ? this.#behaviour.now?.() : undefined;
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
